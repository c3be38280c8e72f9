// faults/network/bridge.h
//
// Majorities differ by who is asked.  Passes by where there are fewer than three nodes.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Bridge {
  static constexpr Kind kind = Kind::bridge;
  static constexpr std::string_view name = "bridge";
  static constexpr std::string_view story = "Two halves that only one host can see both of.";
  static constexpr double per_minute = 0.5;  // of one node, in a rough run

  std::string host;  // the bridge
  std::string side;  // one half, without it
  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("side", self.side);
    visit("lasts", self.lasts);
  }
  static Bridge draw(Drawer& draw, const Victims& victims) {
    Bridge fault = {.host = draw.one_of(victims.nodes)};
    for (const std::string& node : victims.nodes) {
      if (node != fault.host && draw.coin()) fault.side += (fault.side.empty() ? "" : " ") + node;
    }
    fault.lasts = draw.span(std::chrono::milliseconds(500), std::chrono::seconds(40));
    return fault;
  }
};

}  // namespace perdure::faults
