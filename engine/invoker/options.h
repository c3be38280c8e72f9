// engine/invoker/options.h
//
// The invoker's limits, one shard each.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/base/time.h"
#include "engine/io/http.h"
#include "engine/wire/schema.h"

namespace perdure::invoker {

struct Options {
  std::size_t attempts_max = 1000;              // in flight at once
  std::uint64_t bytes_max = 512u << 20;         // held by attempts; at it none begins
  std::uint64_t attempt_bytes = 32u << 10;      // what one is taken to hold before it is known
  std::uint32_t message_bytes_max = 32u << 20;  // one message of a handler: RT0003 from here on
  std::uint64_t state_bytes_max = 32u << 20;    // state sent with the start; 0: none
  std::uint64_t unsent_bytes_max = 64u << 20;   // for a handler that does not read

  // At the limit of attempts, one that was silent so long is asked to suspend.
  Duration idle_at_limit = std::chrono::seconds(2);
  Duration connect = std::chrono::seconds(10);
  Duration drain = std::chrono::seconds(5);  // of an answer, after the last message
  Duration propose_pause_min = std::chrono::milliseconds(2);  // when the log is full
  Duration propose_pause_max = std::chrono::milliseconds(200);

  std::uint32_t protocol_version_cap = 6;  // for what is not pinned yet; at most 7
  io::Headers additional_headers;          // on every request: x-restate-cluster-name
  wire::EffectiveOptions defaults;         // for what neither service nor handler say
};

}  // namespace perdure::invoker
