// sim/world/clocks.h
//
// The two clocks of one host, as functions of virtual time.
//
//     steady = base + t * (1 + rate)              no jumps within one power-up
//     wall   = begin + offset + t * (1 + drift)   jumps when a clock step says so
//
// A power loss begins a new `base`, small: a steady time that somebody stored means
// nothing afterwards.  A process crash does not.
#pragma once

#include <algorithm>

#include "engine/base/time.h"
#include "sim/world/draw.h"
#include "sim/world/loop.h"

namespace perdure::sim {

class HostClocks {
 public:
  struct Shape {
    std::int64_t steady_ppm = 0, wall_ppm = 0;
    Duration wall_offset = {};
    WallTime begin = {};  // the true time when the world begins
  };
  HostClocks(Shape shape, Dice dice)
      : shape_(shape), dice_(dice), most_ahead_(std::max(shape.wall_offset, Duration(0))) {
    power_up(0);
  }

  Instant steady(Nanos t) const;
  WallTime wall(Nanos t) const;
  // The first virtual time at which steady() is at least `instant`.
  Nanos when(Instant instant) const;

  void power_up(Nanos t);
  void step_wall(Duration by) {
    shape_.wall_offset += by;
    stepped_ = true;
    most_ahead_ = std::max(most_ahead_, shape_.wall_offset);
  }
  bool stepped() const { return stepped_; }            // ever
  Duration most_ahead() const { return most_ahead_; }  // that the wall clock ever was
  void set_right() { shape_.wall_offset = {}; }        // no offset any more; the rates stay

 private:
  static constexpr std::int64_t million = 1'000'000;
  Shape shape_;
  Dice dice_;
  Nanos since_ = 0;
  std::int64_t base_ = 0;
  bool stepped_ = false;
  Duration most_ahead_;
};

}  // namespace perdure::sim
