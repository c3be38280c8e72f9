// faults/disk/sync_errors.h
//
// Range: one to three syncs.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct SyncErrors {
  static constexpr Kind kind = Kind::sync_errors;
  static constexpr std::string_view name = "sync_errors";
  static constexpr std::string_view story = "The next syncs fail.";
  static constexpr double per_minute = 3;  // of one node, in a rough run

  std::string host;
  std::uint32_t count = 1;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("count", self.count);
  }
  static SyncErrors draw(Drawer& draw, const Victims& victims) {
    SyncErrors fault = {.host = draw.one_of(victims.nodes)};
    fault.count = static_cast<std::uint32_t>(1 + draw.below(3));
    return fault;
  }
};

}  // namespace perdure::faults
