// engine/tables/checkpoint.h
//
// When to lay which partition's rows down: a value, asked once in a while by a shard for
// all its partitions.
//
//     a partition is due    when its dirty rows, or the age of its oldest dirty row, reach
//                           their bounds; or, when all partitions together hold more
//                           than shared_bytes_max, if it is the largest; or, when all
//                           together have more log than log_bytes_max behind their last
//                           checkpoints, if it has most of it.  That log is what a crash
//                           would replay, so it bounds the time of a start
//                           or, when its log has no room left, as long as that lets some of
//                           the log go, dirty or not: what is copied twice needs no log, so a
//                           clean one is copied once more, or a full log were full for ever
//                           or, when its last checkpoint was begun and failed
//     admission slows       between shared_bytes_max and twice that, and stops there:
//                           memory grows faster than it can be laid down
//
// Checkpoints are few and large: each costs some milliseconds and several syncs, and
// leaves a file that compaction has to merge.  So at most running_max run at a time,
// and while the log has room what is not dirty is never due.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/time.h"

namespace perdure::tables {

struct CheckpointOptions {
  std::uint64_t dirty_bytes_max = std::uint64_t{64} << 20;    // of one partition
  std::uint64_t log_bytes_max = std::uint64_t{8} << 20;       // behind, of all of a shard
  Duration age_max = std::chrono::minutes(1);                 // of its oldest dirty row
  std::uint64_t shared_bytes_max = std::uint64_t{256} << 20;  // of all partitions of a shard
  std::size_t running_max = 2;
};

// What a partition says of itself.
struct Dirt {
  PartitionId partition;
  std::uint64_t dirty_bytes = 0;   // of the active layer; 0: nothing to write
  std::uint64_t frozen_bytes = 0;  // on their way down
  std::uint64_t log_bytes = 0;     // since the last checkpoint was frozen
  Instant dirty_since;             // when the active layer got its first row
  bool running = false;            // a checkpoint of it is being written
  bool half_done = false;          // one was begun, and could not be written
  bool frees_log = false;          // its log has no room, and is kept behind its last checkpoint
};

enum class Why { dirty_bytes, log_bytes, age, shared_bytes, half_done, log_full };
std::string_view name_of(Why why);

struct Due {
  PartitionId partition;
  Why why;
};

enum class Admission { open, slow, closed };
std::string_view name_of(Admission admission);

// Those to be started now, most urgent first: the largest.
std::vector<Due> checkpoints_due(const CheckpointOptions& options, std::span<const Dirt> all,
                                 Instant now);

// What new work meets; what finishes existing work is never refused (amendment 6).
Admission admission_of(const CheckpointOptions& options, std::span<const Dirt> all);

}  // namespace perdure::tables
