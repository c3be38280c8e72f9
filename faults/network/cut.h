// faults/network/cut.h
//
// What is sent meanwhile comes later, as retransmission would have it, unless the cut is breaking.
// Range: 10 ms to 15 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Cut {
  static constexpr Kind kind = Kind::cut;
  static constexpr std::string_view name = "cut";
  static constexpr std::string_view story = "Nothing passes between two hosts, one way or both.";
  static constexpr double per_minute = 2;  // of one node, in a rough run

  std::string from;
  std::string to;
  bool both_ways = true;
  bool breaking = false;  // connections over it end
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("from", self.from);
    visit("to", self.to);
    visit("both_ways", self.both_ways);
    visit("breaking", self.breaking);
    visit("lasts", self.lasts);
  }
  static Cut draw(Drawer& draw, const Victims& victims) {
    const Drawer::Link link = draw.link(victims);
    Cut fault = {.from = link.from, .to = link.to};
    fault.both_ways = draw.coin();
    fault.breaking = draw.coin();
    fault.lasts = draw.span(std::chrono::milliseconds(10), std::chrono::seconds(15));
    return fault;
  }
};

}  // namespace perdure::faults
