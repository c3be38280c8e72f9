// faults/clock/clock_step.h
//
// Range: 100 ms to 10 minutes.  The steady clock never jumps.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct ClockStep {
  static constexpr Kind kind = Kind::clock_step;
  static constexpr std::string_view name = "clock_step";
  static constexpr std::string_view story = "A wall clock jumps, either way.";
  static constexpr double per_minute = 3;  // of one node, in a rough run

  std::string host;
  Duration by = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("by", self.by);
  }
  static ClockStep draw(Drawer& draw, const Victims& victims) {
    ClockStep fault = {.host = draw.one_of(victims.nodes)};
    fault.by = draw.span(std::chrono::milliseconds(100), std::chrono::seconds(600));
    if (draw.coin()) fault.by = -fault.by;
    return fault;
  }
};

}  // namespace perdure::faults
