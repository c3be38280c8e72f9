// faults/network/split.h
//
// Range: 1 % to 50 % of the calls; windows of 4 KiB to 256 KiB.  Whoever takes one read for one
// message is found by this.
#pragma once

#include <algorithm>

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct Split {
  static constexpr Kind kind = Kind::split;
  static constexpr std::string_view name = "split";
  static constexpr std::string_view story = "Reads and writes are cut short, down to one byte.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.split = std::min(0.9, draw.magnitude(0.01, 0.5));
    weather.window_bytes = static_cast<std::uint32_t>(256 * 1024 / draw.magnitude(1, 64));
  }
};

}  // namespace perdure::faults
