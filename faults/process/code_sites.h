// faults/process/code_sites.h
//
// The code has places where something legal but rare may be done (io::Trace::rarely): a
// batch split, a cache dropped.  Each place is open in a quarter of the runs and then
// taken a quarter of the times.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct CodeSites {
  static constexpr Kind kind = Kind::code_sites;
  static constexpr std::string_view name = "code_sites";
  static constexpr std::string_view story = "Rare branches of the code are taken often.";

  static void apply(Drawer&, Weather& weather) { weather.code_sites = 0.25; }
};

}  // namespace perdure::faults
