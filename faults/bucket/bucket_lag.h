// faults/bucket/bucket_lag.h
//
// Range: requests up to 2 s on the mean, listings up to 10 s old.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct BucketLag {
  static constexpr Kind kind = Kind::bucket_lag;
  static constexpr std::string_view name = "bucket_lag";
  static constexpr std::string_view story = "The bucket is slow, and its listings are old.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.bucket.mean = draw.span(std::chrono::milliseconds(20), std::chrono::seconds(2));
    weather.bucket_list_lag = draw.span(std::chrono::milliseconds(1), std::chrono::seconds(10));
  }
};

}  // namespace perdure::faults
