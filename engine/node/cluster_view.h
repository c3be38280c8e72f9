// engine/node/cluster_view.h
//
// What the nodes of a cluster say of themselves and their partitions, gathered over all their
// shards, as JSON:
//
//     {"cluster": "orders", "fingerprint": "7f3a...", "nodes": [
//        {"id": 1, "name": "n1", "incarnation": 3, "version": "0.1.0",
//         "state": "active", "health": "alive", "roles": "metadata,log,worker,ingress,admin",
//         "zone": "", "shards": 2,
//         "node": "10.0.0.1:5122", "ingress": "10.0.0.1:8080", "admin": "10.0.0.1:9070"}],
//      "partitions": [
//        {"id": 0, "node": 1, "shard": 0, "mode": "leader", "epoch": 7, "applied": 1402,
//         "dirty_bytes": 8812}],
//      "metadata": {"leader": 1, "voters": [1, 2, 3], "term": 4, "committed": 118}}
//
// One entry for each replica; those of nodes that do not answer are missing.
// `mode` is what the partition does, not what it was told to: leader, follower, or broken.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/result.h"
#include "engine/node/shard.h"
#include "engine/wire/codec.h"

namespace perdure::node {

struct PartitionView {
  std::uint64_t id = 0, epoch = 0, applied = 0, dirty_bytes = 0;
  bool leads = false, broken = false;
  static constexpr auto fields = std::tuple(
      wire::field(1, "id", &PartitionView::id), wire::field(2, "epoch", &PartitionView::epoch),
      wire::field(3, "applied", &PartitionView::applied),
      wire::field(4, "dirty_bytes", &PartitionView::dirty_bytes),
      wire::field(5, "leads", &PartitionView::leads),
      wire::field(6, "broken", &PartitionView::broken));
};
struct ShardView {
  std::vector<PartitionView> partitions;
  static constexpr auto fields = std::tuple(wire::field(1, "partitions", &ShardView::partitions));
};

ShardView view_of(const Shard::Rooms&);
void serve_view(Shard::Rooms&);                   // to other shards and nodes
Result<std::string> cluster_text(Shard::Rooms&);  // parks: asks them

}  // namespace perdure::node
