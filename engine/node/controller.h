// engine/node/controller.h
//
// Sees to it that the plan fits the cluster; on the node whose member leads the metadata
// group, and idle on the others.
//
//     nodes, who is alive ──► control::place() ──► what of it is doable() ──► "partitions"
//     how far replicas are ──────────────────────────────────┘
//     nodes               ──► members of the metadata group: the gone out.  Newcomers ask to be
//                             members themselves (opening.cpp)
//     what all builds know ──► features in use (wire/features.h)
//
// Two controllers may be at work for a while: the plan is changed by compare-and-set, so one
// of them finds that somebody was faster, and looks again.
//
// Not here   carrying the plan out (replicas.h): every node goes by it on its own
#pragma once

#include "engine/control/placement.h"
#include "engine/control/raft_metadata.h"
#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/node/cluster_state.h"
#include "engine/node/pulse.h"
#include "engine/node/rpc.h"
#include "engine/node/snapshot_fetch.h"

namespace perdure::node {

class Controller {
 public:
  Controller(io::World& world, control::RaftMetadata& metadata, const ClusterState& state,
             const Pulse& pulse, const Layout& layout, Rpc& rpc);

  void start();
  void stop();                            // parks
  void look() { changed_.notify_all(); }  // something changed

 private:
  void run();
  Result<bool> improve_plan();  // whether there was something to change
  Result<void> tend_group();
  Result<void> tend_features();
  bool has_caught_up(PartitionId, NodeId candidate, NodeId leader);
  std::optional<ReplicaProgress> progress_of(PartitionId, NodeId);
  std::vector<control::PlacedNode> placed_nodes(const control::Nodes&) const;

  io::World& world_;
  control::RaftMetadata& metadata_;
  const ClusterState& state_;
  const Pulse& pulse_;
  const Layout& layout_;
  Rpc& rpc_;
  io::Event changed_;
  io::Group group_;
};

}  // namespace perdure::node
