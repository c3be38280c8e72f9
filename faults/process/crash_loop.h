// faults/process/crash_loop.h
//
// Range: two to five times, each 1 ms to 2 s after its start.  Recovery must survive its own end.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct CrashLoop {
  static constexpr Kind kind = Kind::crash_loop;
  static constexpr std::string_view name = "crash_loop";
  static constexpr std::string_view story = "The process dies again and again while it starts.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  std::string host;
  std::uint32_t times = 2;
  Duration within = {};  // of its start, each time

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("times", self.times);
    visit("within", self.within);
  }
  static CrashLoop draw(Drawer& draw, const Victims& victims) {
    CrashLoop fault = {.host = draw.one_of(victims.nodes)};
    fault.times = static_cast<std::uint32_t>(2 + draw.below(4));
    fault.within = draw.span(std::chrono::milliseconds(1), std::chrono::seconds(2));
    return fault;
  }
};

}  // namespace perdure::faults
