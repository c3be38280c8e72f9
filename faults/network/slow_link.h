// faults/network/slow_link.h
//
// Range: 2 to 100 times, for 100 ms to 10 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct SlowLink {
  static constexpr Kind kind = Kind::slow_link;
  static constexpr std::string_view name = "slow_link";
  static constexpr std::string_view story = "A link is many times slower for a while.";
  static constexpr double per_minute = 2;  // of one node, in a rough run

  std::string from;
  std::string to;
  std::uint32_t times = 1;
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("from", self.from);
    visit("to", self.to);
    visit("times", self.times);
    visit("lasts", self.lasts);
  }
  static SlowLink draw(Drawer& draw, const Victims& victims) {
    const Drawer::Link link = draw.link(victims);
    SlowLink fault = {.from = link.from, .to = link.to};
    fault.times = draw.times(2, 100);
    fault.lasts = draw.span(std::chrono::milliseconds(100), std::chrono::seconds(10));
    return fault;
  }
};

}  // namespace perdure::faults
