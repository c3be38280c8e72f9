// sim/nemesis.h
//
// Inflicts a schedule of misfortunes on a universe, each at its time or trigger, and
// heals the world afterwards: links whole, disks with room and speed, clocks right, fair
// weather, and every host that is down started again.
//
//     at 12 s ──────────────────┐
//     on event 812345 ──────────┼──► budget: may it? ──► inflict ──► (lasts) ──► undo
//     on a mark, the n-th time ─┘
//
// A crash of "$self" at a mark cuts the very turn in which the mark was reached.
//
// Who it may hurt was decided when the schedule was drawn; a misfortune of a host that
// is down, or unknown, passes by.  What lasts ends at the heal.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "faults/fault.h"
#include "sim/budget.h"
#include "sim/world/universe.h"

namespace perdure::sim {

class Nemesis {
 public:
  // Budget and universe outlive it, and it outlives the universe's run.
  Nemesis(Universe& universe, Budget& budget, faults::Schedule schedule);
  void begin();  // times count from now
  void heal();

  std::uint64_t inflicted() const { return inflicted_; }
  const faults::Schedule& schedule() const { return schedule_; }

 private:
  void marked(std::string_view host, std::string_view mark);
  void happen(const faults::Fault& fault);
  void tell(const faults::Fault& fault);
  void inflict(const faults::Fault& fault);
  // Later, unless the world was healed by then.
  void after(Duration lasts, Loop::Action action);
  void crash(Host& host, Death death, const std::optional<std::uint64_t>& effects,
             Duration restart_after);
  void crash_again(const std::string& host, std::uint32_t times, Duration within);
  void cut_off(const std::vector<std::string>& side, const std::vector<std::string>& others,
               bool both_ways, bool breaking, Duration lasts);
  void flap(const faults::Flap& fault, Nanos until);
  void wobble(const faults::ClockWobble& fault, Nanos until, bool back);
  std::vector<std::string> all_but(const std::vector<std::string>& side) const;

  Universe& universe_;
  Budget& budget_;
  const faults::Schedule schedule_;
  struct Waiting {
    const faults::Misfortune* misfortune;
    std::uint64_t hits_left;
  };
  std::vector<Waiting> on_marks_;
  std::shared_ptr<bool> healed_ = std::make_shared<bool>(false);
  std::uint64_t inflicted_ = 0;
};

}  // namespace perdure::sim
