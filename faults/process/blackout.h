// faults/process/blackout.h
//
// What no quorum survives, durability must.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Blackout {
  static constexpr Kind kind = Kind::blackout;
  static constexpr std::string_view name = "blackout";
  static constexpr std::string_view story = "All machines lose power at once.";
  static constexpr double per_minute = 0.5;  // of one node, in a rough run

  Duration restart_after = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("restart_after", self.restart_after);
  }
  static Blackout draw(Drawer& draw, const Victims&) {
    return Blackout{.restart_after = draw.restart()};
  }
};

}  // namespace perdure::faults
