// engine/processor/bounds.h
//
// How much of one partition is in memory or in one record at a time.  What is beyond waits in
// the rows, so each of these may be tiny: everything only takes more turns.
#pragma once

#include <cstddef>

namespace perdure::processor {

struct Bounds {
  std::size_t timers = 4096;            // the earliest; twice that before the last are let go
  std::size_t timers_fired = 256;       // by one record
  std::size_t outbox_messages = 4096;   // loaded and not yet applied where they go
  std::size_t outbox_batch = 64;        // messages in one record
  std::size_t purged = 256;             // ids, by one record
  std::size_t scan_bytes = 256 * 1024;  // of rows, between which others may run
  std::size_t window_records = 4096;    // whose rows stay pinned, at most twice that
  std::size_t replay_bytes = 1 << 20;   // read from the log at a time
};

}  // namespace perdure::processor
