// faults/bucket/bucket_outage.h
//
// Range: 100 ms to a minute.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {

struct BucketOutage {
  static constexpr Kind kind = Kind::bucket_outage;
  static constexpr std::string_view name = "bucket_outage";
  static constexpr std::string_view story = "The bucket is gone for a while.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  Duration lasts = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("lasts", self.lasts);
  }
  static BucketOutage draw(Drawer& draw, const Victims&) {
    return BucketOutage{.lasts =
                            draw.span(std::chrono::milliseconds(100), std::chrono::seconds(60))};
  }
};

}  // namespace perdure::faults
