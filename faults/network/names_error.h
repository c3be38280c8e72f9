// faults/network/names_error.h
//
// Range: one look-up in 1,000 to one in 10.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct NamesError {
  static constexpr Kind kind = Kind::names_error;
  static constexpr std::string_view name = "names_error";
  static constexpr std::string_view story = "Name resolution fails now and then.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.names_error = draw.magnitude(1e-3, 0.1);
  }
};

}  // namespace perdure::faults
