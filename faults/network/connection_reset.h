// faults/network/connection_reset.h
//
// Range: one write in 100,000 to one in 100.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct ConnectionReset {
  static constexpr Kind kind = Kind::connection_reset;
  static constexpr std::string_view name = "connection_reset";
  static constexpr std::string_view story = "Connections break at any piece of data.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.connection_reset = draw.magnitude(1e-5, 1e-2);
  }
};

}  // namespace perdure::faults
