// faults/clock/clock_drift.h
//
// Range: each host its own, within 500 ppm either way.  The steady clock too, so that leases
// are honest.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct ClockDrift {
  static constexpr Kind kind = Kind::clock_drift;
  static constexpr std::string_view name = "clock_drift";
  static constexpr std::string_view story = "Clocks run at different rates.";

  static void apply(Drawer&, Weather& weather) {
    weather.steady_ppm = 500;
    weather.wall_ppm = 500;
  }
};

}  // namespace perdure::faults
