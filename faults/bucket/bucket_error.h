// faults/bucket/bucket_error.h
//
// Range: 1 % to 20 % of the requests, each way.  After the effect means: the object is there,
// the answer says it is not known.
#pragma once

#include <algorithm>

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct BucketError {
  static constexpr Kind kind = Kind::bucket_error;
  static constexpr std::string_view name = "bucket_error";
  static constexpr std::string_view story = "The bucket fails, before or after the effect.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.bucket_error_before = std::min(0.5, draw.magnitude(0.01, 0.2));
    weather.bucket_error_after = std::min(0.5, draw.magnitude(0.01, 0.2));
  }
};

}  // namespace perdure::faults
