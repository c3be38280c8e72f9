// engine/processor/apply.h
//
// What a record means: the one place where anything becomes true.
//
//     record ─► fence ─► each command ─► what it sends to this very partition ─► rows
//                 │
//                 └► duplicate, fenced, refused: only `applied` moves
//
// Pure: rows and record in, rows and Changes out.  No clock (time is the record's), no
// chance, no configuration, no "am I leader"; so every replica gets the same rows, and
// a replay gets them again.  It is total: whatever a well-formed record asks of whatever
// rows, the answer is a change or no change, never a crash.
//
// Apply sees memory only.  missing_for() says what it is going to look at and is not
// there; as the answer depends on rows it is asked again until it is satisfied:
//
//     while (missing = missing_for(record, …), !missing.keys.empty() …)
//       TRY_VOID(store.prepare(missing, pins));   // parks
//     apply(…)                                    // in the same turn as the last question
//
// Commands: one file each, on_*.cpp; a handler's journal entries: entry_*.cpp.  What
// they share is context.h.
#pragma once

#include "engine/base/result.h"
#include "engine/processor/changes.h"
#include "engine/tables/store.h"
#include "engine/wire/command.h"
#include "engine/wire/features.h"

namespace perdure::processor {

// Which partition these tables are of; the same on every replica, for ever.
struct Owner {
  PartitionId partition;
  std::uint64_t partitions = 1;
  std::uint32_t features = wire::features_known;  // by this build

  bool owns(std::uint64_t partition_key) const {
    return wire::partition_of(partition_key, partitions) == partition;
  }
};

// Ids of requests are kept for this long of record time; older requests are refused.
inline constexpr std::chrono::milliseconds request_window = std::chrono::minutes(10);

// Errors: invalid: a command or entry this build does not know; conflict: the tables are
// of another partition.  The replica must stop then; nothing was changed.
Result<void> apply(Lsn, const wire::Record&, const Owner&, tables::Store&, Changes&);

// Adds what apply() would read that is not in memory, as far as the rows that are tell.
// Nothing added: apply() may be called, if nobody parks in between.
void missing_for(const wire::Record&, const Owner&, tables::Store&, tables::Reads& missing);

}  // namespace perdure::processor
