// sim/cluster/log_node.h
//
// A host that has log servers, readers and writers, and nothing else: what log_cluster runs
// on every machine.  Its writers fight for the partitions while there is chaos; afterwards
// one is left to them.
#pragma once

#include <map>
#include <set>

#include "engine/log/log.h"
#include "engine/log/reader.h"
#include "sim/check/disk_memory.h"
#include "sim/check/log_history.h"
#include "sim/cluster/log_registers.h"
#include "sim/scenario.h"
#include "sim/world/host.h"

namespace perdure::sim {

constexpr Duration log_sweep_every = std::chrono::seconds(5);

// What all hosts share, outside of each.
struct LogArena {
  LogHistory& history;
  DiskMemory& disks;
  LogRegisters& registers;
  std::uint32_t partitions = 1;
  log::Replication replication = {};
  std::uint32_t nodeset_size = 0;
  wal::Options wal = {};
  std::uint32_t window_records = 64;
  Duration term_most = std::chrono::seconds(8);   // of a writer, during chaos
  Duration rest_most = std::chrono::seconds(12);  // of who does not write
  double trims = 0.02;                            // after a record
  std::uint32_t large_record_bytes = 6000;        // at most, of one in fifty
  Duration reader_patience = std::chrono::seconds(2);

  bool calm = false;     // only `heir` writes from now on
  bool resting = false;  // and nobody appends any more
  NodeId heir = {};
  std::map<PartitionId, Lsn> probes = {};  // the heir's last records, acknowledged
  std::map<std::pair<NodeId, PartitionId>, Lsn> read_up_to = {};  // by readers that live
  std::map<NodeId, std::set<PartitionId>> scrubbed = {};          // since that node lost its disk
  std::map<NodeId, const wal::Wal*> streams = {};                 // of those that run
  std::uint64_t next_reader = 1, next_token = 1;
};

Factory log_node(Host& host, LogArena& arena);

}  // namespace perdure::sim
