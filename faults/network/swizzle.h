// faults/network/swizzle.h
//
// Range: 50 ms to 3 s apart.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct Swizzle {
  static constexpr Kind kind = Kind::swizzle;
  static constexpr std::string_view name = "swizzle";
  static constexpr std::string_view story =
      "Hosts fall silent one after the other and come back in another order.";
  static constexpr double per_minute = 0.5;  // of one node, in a rough run

  std::string hosts;    // in the order of falling silent; back last one first
  Duration every = {};  // between two of them

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("hosts", self.hosts);
    visit("every", self.every);
  }
  static Swizzle draw(Drawer& draw, const Victims& victims) {
    Swizzle fault;
    std::vector<std::string> rest = victims.nodes;
    while (!rest.empty()) {
      const std::size_t next = draw.below(rest.size());
      fault.hosts += (fault.hosts.empty() ? "" : " ") + rest[next];
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(next));
    }
    fault.every = draw.span(std::chrono::milliseconds(50), std::chrono::seconds(3));
    return fault;
  }
};

}  // namespace perdure::faults
