// sim/cli/child.h
//
// One run in a process of its own, forked from this one: for verbs that try things which
// may crash.  It brings back the verdict, and the plan as it was resolved; of a run that
// crashed at least the plan as it stood before the chaos.
#pragma once

#include <optional>

#include "sim/cli/result.h"
#include "sim/plan.h"

namespace perdure::sim::cli {

struct ChildRun {
  SeedResult result;
  std::optional<Plan> plan;
};

// The child is limited as a worker's seed is.
ChildRun run_in_child(const Plan& plan, Config config);

}  // namespace perdure::sim::cli
