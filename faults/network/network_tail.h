// faults/network/network_tail.h
//
// A latency with a tail is what makes timeouts meet answers.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct NetworkTail {
  static constexpr Kind kind = Kind::network_tail;
  static constexpr std::string_view name = "network_tail";
  static constexpr std::string_view story =
      "One message in a thousand takes a hundred times as long.";

  static void apply(Drawer&, Weather& weather) { weather.link_tail = 0.001; }
};

}  // namespace perdure::faults
