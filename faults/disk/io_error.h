// faults/disk/io_error.h
//
// Range: one call in 100,000 to one in 1,000.  A failed write may have written some of it.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct IoError {
  static constexpr Kind kind = Kind::io_error;
  static constexpr std::string_view name = "io_error";
  static constexpr std::string_view story = "Reads and writes fail now and then.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.read_error = draw.magnitude(1e-5, 1e-3);
    weather.write_error = draw.magnitude(1e-5, 1e-3);
  }
};

}  // namespace perdure::faults
