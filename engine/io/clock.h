// engine/io/clock.h
//
// Promised   steady() never goes back within one process; both are constant within
//            a turn of the loop, so two reads in one straight line agree.
// Allowed    wall() jumps, both ways, by any amount.  steady() of two nodes run at
//            rates that differ by 500 ppm.  A turn may take long: both may be stale
//            by as much.
// Not here   waiting: see fibers.h.
#pragma once

#include "engine/base/time.h"

namespace perdure::io {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant steady() const = 0;
  virtual WallTime wall() const = 0;
};

}  // namespace perdure::io
