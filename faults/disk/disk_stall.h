// faults/disk/disk_stall.h
//
// Range: 100 ms to 10 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct DiskStall {
  static constexpr Kind kind = Kind::disk_stall;
  static constexpr std::string_view name = "disk_stall";
  static constexpr std::string_view story = "A disk answers nothing for a while, then all at once.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  std::string host;
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("lasts", self.lasts);
  }
  static DiskStall draw(Drawer& draw, const Victims& victims) {
    DiskStall fault = {.host = draw.one_of(victims.nodes)};
    fault.lasts = draw.span(std::chrono::milliseconds(100), std::chrono::seconds(10));
    return fault;
  }
};

}  // namespace perdure::faults
