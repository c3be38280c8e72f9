// faults/clock/clock_offset.h
//
// Range: 1 ms to 5 s, either way.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct ClockOffset {
  static constexpr Kind kind = Kind::clock_offset;
  static constexpr std::string_view name = "clock_offset";
  static constexpr std::string_view story = "Wall clocks are wrong by seconds.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.wall_offset = draw.span(std::chrono::milliseconds(1), std::chrono::seconds(5));
  }
};

}  // namespace perdure::faults
