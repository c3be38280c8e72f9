// faults/disk/slow_disk.h
//
// Range: 2 to 200 times, for 100 ms to 10 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct SlowDisk {
  static constexpr Kind kind = Kind::slow_disk;
  static constexpr std::string_view name = "slow_disk";
  static constexpr std::string_view story = "A disk is many times slower for a while.";
  static constexpr double per_minute = 2;  // of one node, in a rough run

  std::string host;
  std::uint32_t times = 1;
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("times", self.times);
    visit("lasts", self.lasts);
  }
  static SlowDisk draw(Drawer& draw, const Victims& victims) {
    SlowDisk fault = {.host = draw.one_of(victims.nodes)};
    fault.times = draw.times(2, 200);
    fault.lasts = draw.span(std::chrono::milliseconds(100), std::chrono::seconds(10));
    return fault;
  }
};

}  // namespace perdure::faults
