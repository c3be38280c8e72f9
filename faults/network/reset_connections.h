// faults/network/reset_connections.h
//
// Now, with what is on its way.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct ResetConnections {
  static constexpr Kind kind = Kind::reset_connections;
  static constexpr std::string_view name = "reset_connections";
  static constexpr std::string_view story = "All connections of two hosts break.";
  static constexpr double per_minute = 4;  // of one node, in a rough run

  std::string from;
  std::string to;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("from", self.from);
    visit("to", self.to);
  }
  static ResetConnections draw(Drawer& draw, const Victims& victims) {
    const Drawer::Link link = draw.link(victims);
    return ResetConnections{.from = link.from, .to = link.to};
  }
};

}  // namespace perdure::faults
