// sim/check/linearizable.h
//
// Is there an order of these calls, each somewhere between its beginning and its end, in
// which a sequential model gives every answer that was given?
//
//     call 1   ├──────────┤                    an order that works: 2 1 3
//     call 2       ├──┤
//     call 3              ├───────── ...       in doubt: nobody heard how it ended, so it
//                                              may take effect at any time, or never
//
// A depth-first search that remembers where it has been (Wing & Gong 1993; Lowe 2017;
// Porcupine).  It is exponential at worst: so few calls at a time, one register each, and a
// budget, after which the verdict is `unknown`, which is neither.
//
// The model is a function: the state after call n, or nothing when its answer does not fit.
// Of a call in doubt every answer fits; it gives the state unchanged when it would have had
// no effect.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/world/loop.h"

namespace perdure::sim {

struct CallSpan {
  Nanos begin = 0;
  std::optional<Nanos> end;  // none: in doubt
};

enum class Linearity { yes, no, unknown };

using Model = std::function<std::optional<std::string>(const std::string& state, std::size_t call)>;

struct LinearityResult {
  Linearity verdict = Linearity::yes;
  std::vector<std::size_t> order;  // the longest that worked
  std::uint64_t steps = 0;
};

LinearityResult linearizable(const std::vector<CallSpan>& calls, const std::string& initial,
                             const Model& model, std::uint64_t steps_max = 2'000'000);

}  // namespace perdure::sim
