// faults/process/crash_at_mark.h
//
// The mark itself is still seen, nothing after it: not even the rest of its turn.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct CrashAtMark {
  static constexpr Kind kind = Kind::crash_at_mark;
  static constexpr std::string_view name = "crash_at_mark";
  static constexpr std::string_view story = "The process dies at a chosen point of the code.";
  static constexpr double per_minute = 3;  // of one node, in a rough run

  std::string host;
  std::string mark;       // the name of a trace event
  std::uint64_t nth = 1;  // from now on
  bool power_loss = false;
  Duration restart_after = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("mark", self.mark);
    visit("nth", self.nth);
    visit("power_loss", self.power_loss);
    visit("restart_after", self.restart_after);
  }
  static CrashAtMark draw(Drawer& draw, const Victims& victims) {
    CrashAtMark fault = {.host = draw.one_of(victims.nodes)};
    if (!victims.marks.empty()) fault.mark = draw.one_of(victims.marks);
    fault.nth = 1 + draw.below(3);
    fault.power_loss = draw.coin();
    fault.restart_after = draw.restart();
    return fault;
  }
};

}  // namespace perdure::faults
