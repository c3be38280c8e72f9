// engine/node/log_bench.h
//
// A node that is a log server and nothing else, and what its logs can do: the log alone,
// without processors, over the world's disk and network.
//
//     node 1  ── appends ──►  logs 0 .. n-1   ── copies ──►  nodes 1, 2, 3
//
// The chains live in the memory of the node that writes; who is alive is not asked.
// In fibers of the node's own shard 0.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/io/world.h"
#include "engine/log/quorum.h"

namespace perdure::node {

struct LogLoad {
  std::uint32_t logs = 1;
  std::uint32_t in_flight = 1;  // of all logs together, at least one of each
  std::uint32_t record_bytes = 256;
  Duration warm_up = std::chrono::seconds(1);
  Duration lasts = std::chrono::seconds(5);
};

struct LogSpeed {
  std::uint64_t appends = 0;  // committed while it was measured
  Duration took = {};
  Duration p50 = {}, p99 = {}, slowest = {};  // from append to committed
};

struct LogBenchOptions {
  NodeId self;
  std::vector<NodeId> nodes;  // self too
  log::Replication replication;
};

class LogBench {
 public:
  LogBench(io::World& world, LogBenchOptions options);
  ~LogBench();

  // Parks: opens its stream, and answers other nodes from then on.  Errors: the Wal's.
  Result<void> open();
  // Opens that many new logs and appends to them.  Parks.  On one node.  Errors: of a log.
  Result<LogSpeed> run(const LogLoad& load);

  // What an append is compared with: one write and sync of so many bytes, and one question
  // to another node.  The middle of many.  Park.
  Result<Duration> sync_time(std::uint32_t bytes);
  Result<Duration> round_trip_time(NodeId to);

  void stop();  // before its end; parks

 private:
  struct Rooms;
  const std::unique_ptr<Rooms> rooms_;
};

}  // namespace perdure::node
