// faults/disk/wipe_disk.h
//
// Loses its power and all its bytes.  Counts as a copy lost, so only where there are others.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct WipeDisk {
  static constexpr Kind kind = Kind::wipe_disk;
  static constexpr std::string_view name = "wipe_disk";
  static constexpr std::string_view story = "A machine comes back with an empty disk.";
  static constexpr double per_minute = 0.2;  // of one node, in a rough run
  static constexpr bool loses_data = true;   // only within the budget

  std::string host;
  Duration restart_after = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("restart_after", self.restart_after);
  }
  static WipeDisk draw(Drawer& draw, const Victims& victims) {
    WipeDisk fault = {.host = draw.one_of(victims.nodes)};
    fault.restart_after = draw.restart();
    return fault;
  }
};

}  // namespace perdure::faults
