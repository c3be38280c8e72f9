// faults/disk/sync_error.h
//
// Range: one sync in 100,000 to one in 1,000.  The bytes may be gone although a later sync
// succeeds, as on real systems.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct SyncError {
  static constexpr Kind kind = Kind::sync_error;
  static constexpr std::string_view name = "sync_error";
  static constexpr std::string_view story = "A sync fails now and then; its bytes are in doubt.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.sync_error = draw.magnitude(1e-5, 1e-3);
  }
};

}  // namespace perdure::faults
