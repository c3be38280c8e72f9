// faults/process/rolling_restart.h
//
// Range: the next one 50 ms to 15 s after the one before was told, which may not be back yet.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct RollingRestart {
  static constexpr Kind kind = Kind::rolling_restart;
  static constexpr std::string_view name = "rolling_restart";
  static constexpr std::string_view story = "All nodes are told to stop, one after another.";
  static constexpr double per_minute = 0.5;  // of one node, in a rough run

  std::string hosts;  // "n1 n2 n3", in this order
  Duration every = {};
  Duration patience = {};  // until one is killed
  Duration restart_after = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("hosts", self.hosts);
    visit("every", self.every);
    visit("patience", self.patience);
    visit("restart_after", self.restart_after);
  }
  static RollingRestart draw(Drawer& draw, const Victims& victims) {
    RollingRestart fault;
    for (const std::string& node : victims.nodes) {
      fault.hosts += (fault.hosts.empty() ? "" : " ") + node;
    }
    fault.every = draw.span(std::chrono::milliseconds(50), std::chrono::seconds(15));
    fault.patience = draw.span(std::chrono::seconds(1), std::chrono::seconds(20));
    fault.restart_after = draw.restart();
    return fault;
  }
};

}  // namespace perdure::faults
