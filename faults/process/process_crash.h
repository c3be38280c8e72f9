// faults/process/process_crash.h
//
// Of the turn in which it dies only the first effects happen, if a number is given: no process
// is so kind as to die between two turns.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct ProcessCrash {
  static constexpr Kind kind = Kind::process_crash;
  static constexpr std::string_view name = "process_crash";
  static constexpr std::string_view story = "The process dies; written bytes stay.";
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
  static ProcessCrash draw(Drawer& draw, const Victims& victims) {
    ProcessCrash fault = {.host = draw.one_of(victims.nodes)};
    fault.after_effects = draw.turn_cut();
    fault.restart_after = draw.restart();
    return fault;
  }
};

}  // namespace perdure::faults
