// sim/rehearsal/features.h
//
// All that a C++ handler can do, rehearsed: workflows and promises, calls side by side,
// cancels that reach who was called, timeouts, chance that stays the same, state that is
// cleared.
//
//     Flow       run: waits for a promise     say: gives it, the first one counts
//     Boss       fan: n calls at once, all awaited           stop: starts, cancels, attaches
//                late: a timeout against an awakeable        chance: draws, sleeps, draws
//     Waiter     wait: sleeps long; when cancelled it says so in the log, once
//     Log        append, items                Box    fill: set, keys, clear all
#pragma once

#include "sim/scenario.h"

namespace perdure::sim {

Verdict handler_features(const Config& config);

}  // namespace perdure::sim
