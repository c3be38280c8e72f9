// sim/scenario_texts.h
//
// The files of scenarios/, as they were when this program was built: a token names one
// of them wherever the program is.
#pragma once

#include <span>
#include <string_view>

namespace perdure::sim {

struct ScenarioText {
  std::string_view name;  // "invocation/crash_while_running"
  std::string_view text;
};
std::span<const ScenarioText> scenario_texts();  // generated; see cmake/texts.cmake

}  // namespace perdure::sim
