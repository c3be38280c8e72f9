// faults/process/power_loss.h
//
// Each unsynced write and name is kept, dropped or torn (sim/disk/disk_store.h).  Peers get no
// reset: they must find out by themselves.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct PowerLoss {
  static constexpr Kind kind = Kind::power_loss;
  static constexpr std::string_view name = "power_loss";
  static constexpr std::string_view story = "The machine dies; unsynced bytes are torn or lost.";
  static constexpr double per_minute = 6;  // of one node, in a rough run

  std::string host;
  std::optional<std::uint64_t> after_effects;  // of its next turn; else between turns
  Duration restart_after = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("host", self.host);
    visit("after_effects", self.after_effects);
    visit("restart_after", self.restart_after);
  }
  static PowerLoss draw(Drawer& draw, const Victims& victims) {
    PowerLoss fault = {.host = draw.one_of(victims.nodes)};
    fault.after_effects = draw.turn_cut();
    fault.restart_after = draw.restart();
    return fault;
  }
};

}  // namespace perdure::faults
