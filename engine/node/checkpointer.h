// engine/node/checkpointer.h
//
// Lays the partitions of a shard down when they are due, copies what was laid down, and
// lets the log go up to where two copies make it unneeded.
//
//     due? (tables/checkpoint.h) ─► Partition::checkpoint ─► snapshot ─► Log::trim
//
// It is told when rows have gathered (look()); besides it wakes when the oldest of them
// come of age.  With nothing dirty nothing runs.
#pragma once

#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/log/log.h"
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
    log::Log& log;
  };

  Checkpointer(io::World& world, tables::CheckpointOptions options)
      : world_(world), options_(options), looked_(world.fibers), fibers_(world.fibers) {}

  void add(Subject subject) { subjects_.push_back(subject); }
  void start();
  void look() { looked_.notify_all(); }  // something was applied
  // Parks.  Lays down what is dirty, so that the next start has little to replay.
  void finish();
  void stop() { fibers_.stop(); }

 private:
  void run();
  void start_due();
  Result<void> checkpoint(Subject& subject);
  Instant next_age() const;

  io::World& world_;
  const tables::CheckpointOptions options_;
  std::vector<Subject> subjects_;
  std::vector<PartitionId> running_;
  io::Event looked_;
  io::Group fibers_;
};

}  // namespace perdure::node
