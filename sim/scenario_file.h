// sim/scenario_file.h
//
// Scenario files: protobuf text (sim/scenario.proto) into a Plan, and a Plan into text.
//
//     scenarios/log/torn_tail.txtpb ──► plan_of_text ──► Plan ──► text_of_plan ──► file
//
// Text that is not understood is refused with the line and column; so is a scenario
// without a story, or without a mark that it means to reach: what it does could rot away
// without anybody seeing it.  A schedule (it has a seed) needs only the story.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "sim/plan.h"

namespace perdure::sim {

// Errors: invalid, with "name:line:column: what".
Result<Plan> plan_of_text(std::string name, std::string_view text);
std::string text_of_plan(const Plan& plan);

// By the name of a scenario in code, of one in scenarios/ ("log/torn_tail"), or the path
// of a file.  Errors: not_found, invalid.
Result<Plan> open_plan(const std::string& name);
std::vector<Plan> all_plans();  // those in code that hide no bug, and those in scenarios/

}  // namespace perdure::sim
