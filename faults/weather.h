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
#include <string>

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
  // code
  double code_sites = 0;  // an open place is taken; a quarter of them is open

  // visit(name, value) for each: durations in microseconds, by reference.
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    const auto latency = [&visit](const std::string& name, auto& value) {
      visit(name + ".least_us", value.least);
      visit(name + ".mean_us", value.mean);
    };
    latency("link", self.link);
    visit("link_tail", self.link_tail);
    visit("split", self.split);
    visit("connection_reset", self.connection_reset);
    visit("frame_loss", self.frame_loss);
    visit("window_bytes", self.window_bytes);
    latency("restart", self.restart);
    visit("step_cost_least_us", self.step_cost_least);
    visit("step_cost_most_us", self.step_cost_most);
    latency("disk_read", self.disk_read);
    latency("disk_write", self.disk_write);
    latency("disk_sync", self.disk_sync);
    visit("sync_error", self.sync_error);
    visit("read_error", self.read_error);
    visit("write_error", self.write_error);
    visit("disk_bytes", self.disk_bytes);
    latency("table_read", self.table_read);
    latency("table_ingest", self.table_ingest);
    visit("peek_unknown", self.peek_unknown);
    latency("bucket", self.bucket);
    visit("bucket_error_before", self.bucket_error_before);
    visit("bucket_error_after", self.bucket_error_after);
    visit("bucket_list_lag_us", self.bucket_list_lag);
    visit("steady_ppm", self.steady_ppm);
    visit("wall_ppm", self.wall_ppm);
    visit("wall_offset_us", self.wall_offset);
    latency("names", self.names);
    visit("names_error", self.names_error);
    visit("code_sites", self.code_sites);
  }
};

}  // namespace perdure::faults
