// engine/node/replicas.h
//
// The partitions of this shard: a Replica (replica.h) for each that the plan gives this node
// and that belongs to this shard.
#pragma once

#include <map>
#include <memory>

#include "engine/io/world.h"
#include "engine/log/chains.h"
#include "engine/log/log.h"
#include "engine/log/loglet_store.h"
#include "engine/node/checkpointer.h"
#include "engine/node/cluster_state.h"
#include "engine/node/options.h"
#include "engine/node/partitions.h"
#include "engine/node/replica.h"
#include "engine/processor/needs.h"

namespace perdure::node {

// All are borrowed, and outlive the Replicas.
struct ReplicaNeeds {
  io::World& world;
  Rpc& rpc;
  const Options& options;
  const Layout& layout;
  const ClusterState& state;
  control::Metadata& metadata;
  log::Chains& chains;
  const std::map<std::uint32_t, std::unique_ptr<log::LogletStore>>& loglets;  // by stream
  const log::Cluster& cluster;
  Partitions& partitions;
  processor::Handlers& handlers;
  Checkpointer& checkpointer;

  log::LogletStore& loglets_of(PartitionId partition) const {
    return *loglets.at(layout.stream_of(partition));
  }
};

class Replicas {
 public:
  explicit Replicas(const ReplicaNeeds& needs);

  void start();
  void rest();  // parks: none of them follows or leads any more
  void stop();  // parks: and all they stand on goes
  void look();  // something of ClusterState changed
  // Parks until all that the plan gives this shard lead or follow; returns the first failure.
  // What failed is tried again all the same.
  Result<void> wait_settled(Instant deadline);
  // Of this node's partitions none is led by it any more that somebody else could lead.  Parks.
  Result<void> wait_until_none_leads(Instant deadline);

  const std::map<PartitionId, std::shared_ptr<Replica>>& all() const { return replicas_; }
  void check_invariants() const;

 private:
  void run();
  void make_ours();
  bool is_ours(const control::PlanLine& line) const;
  bool has_heir(PartitionId partition) const;

  const ReplicaNeeds needs_;
  // Shared with who parks in one while the plan takes it away.
  std::map<PartitionId, std::shared_ptr<Replica>> replicas_;
  bool started_ = false;
  io::Event changed_;
  io::Group group_;
};

}  // namespace perdure::node
