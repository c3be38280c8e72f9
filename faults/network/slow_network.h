// faults/network/slow_network.h
//
// Range: least 50 us to 5 ms, mean of the rest 200 us to 50 ms, exponential.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct SlowNetwork {
  static constexpr Kind kind = Kind::slow_network;
  static constexpr std::string_view name = "slow_network";
  static constexpr std::string_view story = "Links take milliseconds instead of microseconds.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.link.least = draw.span(std::chrono::microseconds(50), std::chrono::milliseconds(5));
    weather.link.mean = draw.span(std::chrono::microseconds(200), std::chrono::milliseconds(50));
  }
};

}  // namespace perdure::faults
