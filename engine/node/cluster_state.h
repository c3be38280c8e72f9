// engine/node/cluster_state.h
//
// What a shard knows of the cluster: its nodes, the plan of its partitions, and who is alive.
//
//     metadata "cluster"    ─► replication()
//     metadata "nodes"      ─► nodes()   ─► Peers::set_address, log::Candidates
//     metadata "partitions" ─► plan()    ─► who leads which partition, who follows
//     Pulse (pulse.h)       ─► usable()
//
// All of it may be old: it decides who is asked and who tries, never what is true.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/control/nodes.h"
#include "engine/control/plan.h"
#include "engine/io/peers.h"
#include "engine/log/nodeset.h"
#include "engine/node/layout.h"
#include "engine/node/pulse.h"
#include "engine/node/watched.h"

namespace perdure::node {

class ClusterState {
 public:
  ClusterState(io::World& world, control::Metadata& metadata, const Layout& layout);

  Result<void> open(Instant deadline);  // parks
  void stop();                          // parks
  // Park until that version or a later one is seen.  Errors: timed_out, cancelled.
  Result<void> wait_for_nodes(std::uint64_t version, Instant deadline = io::never);
  Result<void> wait_for_plan(std::uint64_t version, Instant deadline = io::never);

  const control::Nodes& nodes() const { return nodes_.now(); }
  std::uint64_t nodes_version() const { return nodes_.version(); }
  const control::Plan& plan() const { return plan_.now(); }
  std::uint64_t plan_version() const { return plan_.version(); }
  log::Replication replication() const { return config_.now().replication; }
  Usable& usable() { return usable_; }
  bool is_usable(NodeId node) const { return usable_.is(node); }
  // Called in the turn in which any of them changed; may not park.
  void on_change(std::function<void()> changed) { changed_.push_back(std::move(changed)); }
  void changed();

  // Nothing, when the plan does not have it.
  const control::PlanLine* line_of(PartitionId) const;
  // The shard that should lead it.  Nothing: nobody.
  std::optional<io::ShardAddress> leader_of(PartitionId) const;
  // Where a node has a partition's stream.
  std::optional<io::ShardAddress> shard_of(NodeId, PartitionId) const;
  // Whoever may have copies of the log.
  std::vector<log::Candidate> log_servers() const;
  bool is_alone() const;  // in the cluster

 private:
  void take_nodes();

  io::World& world_;
  const Layout& layout_;
  Usable usable_;
  Watched<ClusterConfig> config_;
  Watched<control::Nodes> nodes_;
  Watched<control::Plan> plan_;
  std::vector<std::function<void()>> changed_;
};

// Gives Peers the addresses of all other nodes, and takes back those of nodes that are gone.
void tell_addresses(io::Peers&, const control::Nodes&);

}  // namespace perdure::node
