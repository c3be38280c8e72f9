// engine/node/layout.h
//
// Where everything of a node is, fixed when its data directory was made: how many
// partitions the cluster has and how many WAL streams the node.  A partition keeps its
// stream for life, and a stream is opened by one shard, whatever their number today:
//
//     partition ──► stream  = partition mod streams ──► shard = stream mod shards
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/log/quorum.h"
#include "engine/wire/codec.h"

namespace perdure::node {

struct Layout {
  std::uint64_t partitions = 0;
  std::uint32_t streams = 0;
  std::uint32_t shards = 0;       // of this process
  std::uint64_t storage_id = 0;   // from the storage marker; seeds the frames' checks
  std::uint64_t incarnation = 0;  // of this process start
  std::uint64_t fingerprint = 0;  // of the cluster
  NodeId node;                    // this one
  static constexpr auto fields = std::tuple(
      wire::field(1, "partitions", &Layout::partitions),
      wire::field(2, "streams", &Layout::streams), wire::field(3, "shards", &Layout::shards),
      wire::field(4, "storage_id", &Layout::storage_id),
      wire::field(5, "incarnation", &Layout::incarnation),
      wire::field(6, "fingerprint", &Layout::fingerprint), wire::field(7, "node", &Layout::node));

  std::uint32_t stream_of(PartitionId p) const {
    return static_cast<std::uint32_t>(p.raw() % streams);
  }
  std::uint32_t shard_of_stream(std::uint32_t stream) const { return stream % shards; }
  std::uint32_t shard_of(PartitionId p) const { return shard_of_stream(stream_of(p)); }
  std::vector<std::uint32_t> streams_of_shard(std::uint32_t shard) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t s = shard; s < streams; s += shards) found.push_back(s);
    return found;
  }
  std::vector<PartitionId> partitions_of_shard(std::uint32_t shard) const {
    std::vector<PartitionId> found;
    for (std::uint64_t p = 0; p < partitions; ++p) {
      if (shard_of(PartitionId(p)) == shard) found.push_back(PartitionId(p));
    }
    return found;
  }
};

// What the cluster is to be, under "cluster" in the metadata store.
struct ClusterConfig {
  std::uint64_t partitions = 0;
  std::uint64_t fingerprint = 0;  // drawn: two clusters may be given the same name
  log::Replication replication;   // of the log; a partition has as many replicas
  friend bool operator==(const ClusterConfig&, const ClusterConfig&) = default;
  static constexpr auto fields =
      std::tuple(wire::field(1, "partitions", &ClusterConfig::partitions),
                 wire::field(2, "fingerprint", &ClusterConfig::fingerprint),
                 wire::field(3, "replication", &ClusterConfig::replication));
};
inline constexpr std::string_view cluster_key = "cluster";

}  // namespace perdure::node
