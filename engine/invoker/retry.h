// engine/invoker/retry.h
//
// When the next attempt begins, and whether there is one.
//
//     failures      1      2      3      4      5  …      max_attempts
//     delay       500ms    1s     2s     4s     8s …  ≤ max_interval    then pause or fail
//
// Every command that is stored is progress and sets both back: a handler of a thousand
// steps has its attempts for each step, as in the reference server.  Like there it is
// kept in memory only: a new leader begins to count afresh.
//
// Precedence: what the handler said (pause, fail), then the policy.  A delay that the
// handler or its gateway asked for replaces only the next one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>

#include "engine/base/time.h"
#include "engine/invoker/failure.h"
#include "engine/wire/schema.h"

namespace perdure::invoker {

struct RetryAfter {
  std::chrono::milliseconds delay;
};
struct PauseNow {};
struct FailNow {};
using RetryDecision = std::variant<RetryAfter, PauseNow, FailNow>;

class RetryState {
 public:
  explicit RetryState(Instant now) : last_stored_(now) {}

  RetryDecision failed(const AttemptFailure&, const wire::EffectiveOptions&);
  // The journal grew; by a command of the handler, or only by a notification.
  void stored(Instant now, bool command);

  // What the handler is told in StartMessage.
  std::uint32_t failures() const { return failures_; }
  std::chrono::milliseconds since_stored(Instant now) const;

 private:
  std::uint32_t failures_ = 0;  // counted ones since the last stored command
  std::uint32_t delays_ = 0;    // all of them
  Instant last_stored_;
};

}  // namespace perdure::invoker
