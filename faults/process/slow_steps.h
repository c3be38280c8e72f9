// faults/process/slow_steps.h
//
// Range: one step of a fiber costs up to 20 us to 500 us.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct SlowSteps {
  static constexpr Kind kind = Kind::slow_steps;
  static constexpr std::string_view name = "slow_steps";
  static constexpr std::string_view story = "The processor is slow: queues build up.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.step_cost_most =
        draw.span(std::chrono::microseconds(20), std::chrono::microseconds(500));
  }
};

}  // namespace perdure::faults
