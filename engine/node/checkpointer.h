// engine/node/checkpointer.h
//
// Lays the partitions of a shard down when they are due, copies what was laid down, and
// lets the log go up to where two copies make it unneeded.
//
//     due? (tables/checkpoint.h) ─► Partition::checkpoint ─► snapshot ─► Log::trim
//
// It is told when rows have gathered (look()); besides it wakes when the oldest of them
// come of age.  With nothing dirty nothing runs, unless the log has no room left: then
// copies are taken until nothing more of it may go.
//
// Tables that take no checkpoint, time after time, will not by themselves: their database
// may have stopped for good.  Then give_up says so, once; a new process opens it anew, and
// the log has what is missing.  A full disk is no such case: it may be freed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/processor/partition.h"
#include "engine/tables/checkpoint.h"
#include "engine/tables/snapshots.h"

namespace perdure::node {

class Checkpointer {
 public:
  struct Subject {
    processor::Partition& partition;
    io::Family& family;
    tables::Snapshots& snapshots;
    std::function<Result<void>(Lsn)> trim;  // up to there the log is not needed; parks
  };

  static constexpr std::uint32_t failures_max = 4;  // in a row, of one partition
  using GiveUp = std::function<void(const Error& why)>;
  using LogIsFull = std::function<bool()>;  // some log of this shard; look() when it becomes so

  Checkpointer(io::World& world, tables::CheckpointOptions options, GiveUp give_up,
               LogIsFull log_is_full)
      : world_(world),
        options_(options),
        give_up_(std::move(give_up)),
        log_is_full_(std::move(log_is_full)),
        looked_(world.fibers),
        ran_(world.fibers),
        fibers_(world.fibers) {}

  void add(Subject subject);
  void remove(PartitionId partition);  // parks until no checkpoint of it runs
  void start();
  void look() { looked_.notify_all(); }  // something was applied
  // Parks.  Lays down what is dirty, so that the next start has little to replay.
  void finish();
  void stop() { fibers_.stop(); }

 private:
  void run();
  void start_due();
  void run_one(PartitionId partition, tables::Why why);
  std::vector<tables::Dirt> dirt() const;
  void rest(PartitionId partition, Duration pause);  // parks
  Result<void> checkpoint(const Subject& subject);
  void failed(PartitionId partition, const Error& why);
  Instant next_age() const;

  io::World& world_;
  const tables::CheckpointOptions options_;
  std::map<PartitionId, Subject> subjects_;
  const GiveUp give_up_;
  const LogIsFull log_is_full_;
  std::set<PartitionId> running_, resting_;        // after an error, or one for a full log
  std::map<PartitionId, std::uint32_t> failures_;  // since the last that was done
  io::Event looked_, ran_;
  io::Group fibers_;
};

}  // namespace perdure::node
