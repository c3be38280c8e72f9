// faults/network/frame_loss.h
//
// Range: one frame in 10,000 to one in 20.  Frames are lost as connections lose them: with all
// that was on its way on the same one.  They are never doubled or altered (engine/io/peers.h).
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct FrameLoss {
  static constexpr Kind kind = Kind::frame_loss;
  static constexpr std::string_view name = "frame_loss";
  static constexpr std::string_view story =
      "The connection between two nodes ends and loses frames.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.frame_loss = draw.magnitude(1e-4, 0.05);
  }
};

}  // namespace perdure::faults
