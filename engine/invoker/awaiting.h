// engine/invoker/awaiting.h
//
// What a suspended handler waits for: reading it, and asking whether anybody but the
// handler itself can bring it.
//
// A Future is a tree.  The protocol allows a depth of 1000, what we store is decoded
// recursively and so allowed less: a deeper tree becomes "any of its leaves".  That
// wakes the handler too early at worst, and it then suspends again.
#pragma once

#include <expected>
#include <functional>
#include <string_view>

#include "engine/invoker/failure.h"
#include "engine/wire/service_protocol.h"

namespace perdure::invoker {

inline constexpr int future_depth_max = 1000;  // beyond: RT0025, and the invocation pauses
inline constexpr int future_depth_kept = 12;   // what Suspend keeps as a tree

// From a SuspensionMessage of that protocol version.
std::expected<wire::Future, AttemptFailure> read_awaiting(std::string_view payload,
                                                          std::uint32_t version);

// False when the wait cannot end although everybody else does their part: it needs a
// completion for which `own` holds, which only the handler can bring, by running.  The
// cancel signal, for which everybody waits, is no way out.
bool can_be_woken(const wire::Future&, const std::function<bool(std::uint32_t)>& own);

}  // namespace perdure::invoker
