// sim/selftest/journal.h
//
// A tiny durable server, to prove the simulator before there is anything else to prove
// it on: clients append unique values over streams and are answered once the value is
// synced.
//
//     client ── value ──► server ── batch ──► write_and_sync ──► answer
//
// After a failed write or sync the file is in doubt, so the server goes on in the next
// one; a start reads all files, each up to its first torn record.  The check: every
// answered value is there after the heal (acked-is-durable), none is that nobody sent
// (nothing-invented), and whoever asked gets an answer (liveness).
//
// Each Bug is one mistake that such servers have really made.
#pragma once

#include <string_view>

#include "sim/scenario.h"

namespace perdure::sim::selftest {

enum class Bug {
  none,
  answers_before_sync,        // fsync order
  forgets_the_folder,         // the name of a new file is never synced
  stops_at_torn_records,      // takes one file's torn end for the end of all
  goes_on_after_failed_sync,  // and believes a later one
  assumes_whole_reads,        // takes a short read for the whole request
  depends_on_addresses,       // the result of two runs is not the same
};

template <Bug bug>
Verdict journal(const Config& config);

}  // namespace perdure::sim::selftest
