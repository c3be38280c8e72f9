// sim/nemesis.h
//
// Inflicts a schedule of misfortunes on a universe, each at its time, and heals the
// world afterwards: links whole, disks with room and speed, clocks right, fair weather,
// and every host that is down started again.
//
// Who it may hurt was decided when the schedule was drawn; a misfortune of a host that
// is down, or unknown, passes by.
#pragma once

#include <cstdint>
#include <memory>

#include "faults/fault.h"
#include "sim/world/universe.h"

namespace perdure::sim {

class Nemesis {
 public:
  Nemesis(Universe& universe, faults::Schedule schedule);
  void begin();
  void heal();

  std::uint64_t inflicted() const { return inflicted_; }
  const faults::Schedule& schedule() const { return schedule_; }

 private:
  void inflict(const faults::Fault& fault);
  // Later, unless the world was healed by then.
  void undo_after(Duration lasts, Loop::Action undo);

  Universe& universe_;
  const faults::Schedule schedule_;
  std::shared_ptr<bool> healed_ = std::make_shared<bool>(false);
  std::uint64_t inflicted_ = 0;
};

}  // namespace perdure::sim
