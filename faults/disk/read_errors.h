// faults/disk/read_errors.h
//
// Range: one to three reads.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct ReadErrors {
  static constexpr Kind kind = Kind::read_errors;
  static constexpr std::string_view name = "read_errors";
  static constexpr std::string_view story = "The next reads fail.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  std::string host;
  std::uint32_t count = 1;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("count", self.count);
  }
  static ReadErrors draw(Drawer& draw, const Victims& victims) {
    ReadErrors fault = {.host = draw.one_of(victims.nodes)};
    fault.count = static_cast<std::uint32_t>(1 + draw.below(3));
    return fault;
  }
};

}  // namespace perdure::faults
