// sim/check/spec_check.h
//
// What clients were told and what was read at the end, against the spec server (spec.h).
//
// A counter's answers are its counts and an append's are places, so the order in which
// the real server did things is known: the calls are made on the spec server in that
// order, and every result must be the same.  Gaps are filled by calls whose fate their
// clients do not know, each as often as it was sent; the final read shows which of a list's.
//
//     answers 1, 3   +   one add of unknown fate   →   spec: add, (add), add   = 1, 2, 3
//
// equals-spec: a result differs, or no order of the calls explains what was told.
#pragma once

#include <optional>
#include <span>

#include "sim/check/history.h"

namespace perdure::sim {

std::optional<Finding> against_spec(std::span<const Operation> operations,
                                    std::span<const FinalRead> reads);

}  // namespace perdure::sim
