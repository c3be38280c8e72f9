// faults/network/partition.h
//
// One host alone, halves, or any set; one way or both.  Range: 0.5 s to 40 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Partition {
  static constexpr Kind kind = Kind::partition;
  static constexpr std::string_view name = "partition";
  static constexpr std::string_view story = "Some hosts are cut off from all others.";
  static constexpr double per_minute = 2;  // of one node, in a rough run

  std::string side;       // these, "n1 n3", from everybody else
  bool both_ways = true;  // else: nothing gets out of the side
  bool breaking = false;
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("side", self.side);
    visit("both_ways", self.both_ways);
    visit("breaking", self.breaking);
    visit("lasts", self.lasts);
  }
  static Partition draw(Drawer& draw, const Victims& victims) {
    Partition fault = {.side = draw.side(victims)};
    fault.both_ways = draw.coin(0.7);
    fault.breaking = draw.coin();
    fault.lasts = draw.span(std::chrono::milliseconds(500), std::chrono::seconds(40));
    return fault;
  }
};

}  // namespace perdure::faults
