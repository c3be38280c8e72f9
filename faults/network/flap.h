// faults/network/flap.h
//
// Range: every 20 ms to 1 s, for 1 s to 20 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Flap {
  static constexpr Kind kind = Kind::flap;
  static constexpr std::string_view name = "flap";
  static constexpr std::string_view story = "A link breaks and mends many times.";
  static constexpr double per_minute = 0.5;  // of one node, in a rough run

  std::string from;
  std::string to;
  Duration every = {};  // half of it down
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("from", self.from);
    visit("to", self.to);
    visit("every", self.every);
    visit("lasts", self.lasts);
  }
  static Flap draw(Drawer& draw, const Victims& victims) {
    const Drawer::Link link = draw.link(victims);
    Flap fault = {.from = link.from, .to = link.to};
    fault.every = draw.span(std::chrono::milliseconds(20), std::chrono::seconds(1));
    fault.lasts = draw.span(std::chrono::seconds(1), std::chrono::seconds(20));
    return fault;
  }
};

}  // namespace perdure::faults
