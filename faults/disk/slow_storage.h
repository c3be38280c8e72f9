// faults/disk/slow_storage.h
//
// Range: reads and writes up to 30 ms, syncs up to 200 ms, ingests up to 500 ms, on the mean.
#pragma once

#include "faults/drawer.h"
#include "faults/weather.h"

namespace perdure::faults {

struct SlowStorage {
  static constexpr Kind kind = Kind::slow_storage;
  static constexpr std::string_view name = "slow_storage";
  static constexpr std::string_view story = "Reads, writes and syncs take long.";

  static void apply(Drawer& draw, Weather& weather) {
    weather.disk_read.mean =
        draw.span(std::chrono::microseconds(60), std::chrono::milliseconds(30));
    weather.disk_write.mean =
        draw.span(std::chrono::microseconds(30), std::chrono::milliseconds(30));
    weather.disk_sync.mean =
        draw.span(std::chrono::microseconds(500), std::chrono::milliseconds(200));
    weather.table_ingest.mean =
        draw.span(std::chrono::milliseconds(2), std::chrono::milliseconds(500));
  }
};

}  // namespace perdure::faults
