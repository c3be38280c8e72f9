// faults/process/sigterm.h
//
// Range: killed 100 ms to 20 s later if it has not ended by then.  Ending politely is a code
// path of its own: it hands over, answers, lays down, and must lose no more than a crash does.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Sigterm {
  static constexpr Kind kind = Kind::sigterm;
  static constexpr std::string_view name = "sigterm";
  static constexpr std::string_view story =
      "The process is told to stop, and killed if it is slow.";
  static constexpr double per_minute = 3;  // of one node, in a rough run

  std::string host;
  Duration patience = {};  // until it is killed
  Duration restart_after = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("patience", self.patience);
    visit("restart_after", self.restart_after);
  }
  static Sigterm draw(Drawer& draw, const Victims& victims) {
    Sigterm fault = {.host = draw.one_of(victims.nodes)};
    fault.patience = draw.span(std::chrono::milliseconds(100), std::chrono::seconds(20));
    fault.restart_after = draw.restart();
    return fault;
  }
};

}  // namespace perdure::faults
