// engine/invoker/failure.h
//
// Why an attempt at a handler failed.  Never an end of the invocation by itself: what
// becomes of it is decided in retry.h.  A handler that fails for good says so with an
// Output entry, which is not a failure here.
//
// `restate_code` is the reference server's name for the kind ("RT0012"), which its
// documentation explains and tools show; empty where it has none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/wire/service_protocol.h"

namespace perdure::invoker {

struct AttemptFailure {
  std::uint32_t code = 500;  // an HTTP status, or one of the protocol's (570, 571, …)
  std::string restate_code;
  std::string message, stacktrace;
  // The handler's step it has to do with, if it said so.
  std::optional<std::uint32_t> command_index;
  std::optional<std::string> command_name;
  std::optional<wire::MessageType> command_type;
  // Wishes of the handler, or of what stands in front of it (Retry-After).
  std::optional<std::chrono::milliseconds> next_retry_delay;
  wire::ErrorBehavior behavior = wire::ErrorBehavior::retry;
  // False: no fault of the handler, so it costs none of its attempts.
  bool counted = true;

  std::string text() const;  // "[500 Internal] message\nstacktrace"
};

inline constexpr std::uint32_t internal_error = 500;
inline constexpr std::uint32_t journal_mismatch = 570;
inline constexpr std::uint32_t protocol_violation = 571;

// The handler said something that the protocol does not allow (RT0012).
AttemptFailure violation(std::string message);
// An attempt failure with one of the reference's names.
AttemptFailure failure(std::string restate_code, std::string message);
// One that is ours: the handler's attempts are not counted against it.
AttemptFailure uncounted(std::string restate_code, std::string message);

}  // namespace perdure::invoker
