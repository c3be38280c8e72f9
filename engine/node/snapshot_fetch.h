// engine/node/snapshot_fetch.h
//
// A partition's snapshot from another node's disk, when ours ends before the log begins; and
// what other nodes ask of our replicas.
//
//     newcomer                                      any other replica
//        │ what is your newest snapshot? ──────────────► │  Verb::snapshot
//        │ ◄────────────── its manifest: files, checksums │
//        │ file 3, from byte 1 MiB on?   ──────────────► │
//        │ ◄───────────────────────────────────── bytes  │
//        └ verified whole, then used
#pragma once

#include <vector>

#include "engine/node/replicas.h"
#include "engine/tables/snapshots.h"

namespace perdure::node {

// From the first of `others` that has one beyond `applied`; afterwards `into` has it.  Parks.
// Errors: not_found (nobody has one), those of the last who was asked, the disk's.
Result<void> fetch_snapshot(const ReplicaNeeds&, PartitionId, const std::vector<NodeId>& others,
                            Lsn applied, tables::Snapshots& into);

// How far a replica is.
struct ReplicaProgress {
  Lsn applied;
  Lsn laid_down;  // durably, in its tables
  bool leads = false;
  static constexpr auto fields =
      std::tuple(wire::field(1, "applied", &ReplicaProgress::applied),
                 wire::field(2, "laid_down", &ReplicaProgress::laid_down),
                 wire::field(3, "leads", &ReplicaProgress::leads));
};
// Parks.  Errors: not_found (there is none), those of Rpc::ask.
Result<ReplicaProgress> ask_progress(Rpc&, io::ShardAddress, PartitionId, Instant deadline);

// Makes this shard answer both; of a file so many bytes at a time.
void serve_replicas(Rpc&, io::World&, Replicas&, std::size_t piece_bytes);

}  // namespace perdure::node
