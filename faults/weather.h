// faults/weather.h
//
// How the world behaves all the time, in one run: latencies, and the chance of each
// small misbehaviour.  Misfortunes (fault.h) come on top, at their times.  A default
// Weather is a fair day: short latencies and no errors.
//
// Chances are per call unless said otherwise.  Latencies are `least` plus an
// exponential part of mean `mean`.
#pragma once

#include <cstdint>

#include "engine/base/time.h"

namespace perdure::faults {

struct Latency {
  Duration least, mean;
};

struct Weather {
  // network
  Latency link = {std::chrono::microseconds(50), std::chrono::microseconds(200)};  // one way
  double link_tail = 0;                     // chance of a delay 100 times as long
  double split = 0;                         // a read or write is cut short, down to one byte
  double connection_reset = 0;              // per piece sent: the connection breaks there
  double frame_loss = 0;                    // per peer frame: its connection ends there
  std::uint32_t window_bytes = 256 * 1024;  // unread or in flight, one stream, one direction
  // process
  Latency restart = {std::chrono::milliseconds(1), std::chrono::milliseconds(50)};
  Duration step_cost_least = std::chrono::nanoseconds(500);  // of one fiber step
  Duration step_cost_most = std::chrono::microseconds(20);
  // disk
  Latency disk_read = {std::chrono::microseconds(20), std::chrono::microseconds(60)};
  Latency disk_write = {std::chrono::microseconds(10), std::chrono::microseconds(30)};
  Latency disk_sync = {std::chrono::microseconds(100), std::chrono::microseconds(500)};
  double sync_error = 0;
  double read_error = 0;
  double write_error = 0;  // some of the bytes may have been written
  std::uint64_t disk_bytes = std::uint64_t{64} << 30;
  // tables
  Latency table_read = {std::chrono::microseconds(5), std::chrono::microseconds(30)};
  Latency table_ingest = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
  double peek_unknown = 0.5;  // only the disk can tell
  // bucket
  Latency bucket = {std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
  double bucket_error_before = 0;
  double bucket_error_after = 0;  // it happened, but an error comes back
  Duration bucket_list_lag = {};
  // clocks, each host its own within these
  std::uint32_t steady_ppm = 0;  // at most, either way
  std::uint32_t wall_ppm = 0;
  Duration wall_offset = {};  // at most, either way
  // names
  Latency names = {std::chrono::microseconds(50), std::chrono::microseconds(500)};
  double names_error = 0;
};

}  // namespace perdure::faults
