// faults/process/pause.h
//
// Range: 1 ms to 10 s.  It wakes up believing that no time has passed.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Pause {
  static constexpr Kind kind = Kind::pause;
  static constexpr std::string_view name = "pause";
  static constexpr std::string_view story = "The process is not scheduled for a while.";
  static constexpr double per_minute = 3;  // of one node, in a rough run

  std::string host;
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("lasts", self.lasts);
  }
  static Pause draw(Drawer& draw, const Victims& victims) {
    Pause fault = {.host = draw.one_of(victims.nodes)};
    fault.lasts = draw.span(std::chrono::milliseconds(1), std::chrono::seconds(10));
    return fault;
  }
};

}  // namespace perdure::faults
