// faults/clock/clock_wobble.h
//
// Range: by 1 ms to 5 s, every 10 ms to 2 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct ClockWobble {
  static constexpr Kind kind = Kind::clock_wobble;
  static constexpr std::string_view name = "clock_wobble";
  static constexpr std::string_view story = "A wall clock is set back a little, again and again.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  std::string host;
  Duration by = {};  // back, then forward by the same
  Duration every = {};
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("by", self.by);
    visit("every", self.every);
    visit("lasts", self.lasts);
  }
  static ClockWobble draw(Drawer& draw, const Victims& victims) {
    ClockWobble fault = {.host = draw.one_of(victims.nodes)};
    fault.by = draw.span(std::chrono::milliseconds(1), std::chrono::seconds(5));
    fault.every = draw.span(std::chrono::milliseconds(10), std::chrono::seconds(2));
    fault.lasts = draw.span(std::chrono::seconds(1), std::chrono::seconds(20));
    return fault;
  }
};

}  // namespace perdure::faults
