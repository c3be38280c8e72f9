// faults/disk/disk_full.h
//
// Range: 10 ms to 5 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct DiskFull {
  static constexpr Kind kind = Kind::disk_full;
  static constexpr std::string_view name = "disk_full";
  static constexpr std::string_view story = "A disk has no room for a while.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  std::string host;
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("lasts", self.lasts);
  }
  static DiskFull draw(Drawer& draw, const Victims& victims) {
    DiskFull fault = {.host = draw.one_of(victims.nodes)};
    fault.lasts = draw.span(std::chrono::milliseconds(10), std::chrono::seconds(5));
    return fault;
  }
};

}  // namespace perdure::faults
