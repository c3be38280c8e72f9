// faults/disk/bit_rot.h
//
// One to eight bits of the files of one disk.  Counts as a copy lost, so only where there are
// others.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct BitRot {
  static constexpr Kind kind = Kind::bit_rot;
  static constexpr std::string_view name = "bit_rot";
  static constexpr std::string_view story = "Bytes that were synced change while nobody looks.";
  static constexpr double per_minute = 0.2;  // of one node, in a rough run
  static constexpr bool loses_data = true;   // only within the budget

  std::string host;
  std::uint64_t where = 0;  // names the bytes, by draw
  std::uint32_t bits = 1;   // that flip, each in a place of its own

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("where", self.where);
    visit("bits", self.bits);
  }
  static BitRot draw(Drawer& draw, const Victims& victims) {
    BitRot fault = {.host = draw.one_of(victims.nodes)};
    fault.where = draw.below(1'000'000'000);
    fault.bits = static_cast<std::uint32_t>(1 + draw.below(8));
    return fault;
  }
};

}  // namespace perdure::faults
