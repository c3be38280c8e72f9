// engine/node/opening.h
//
// How a shard comes up, step by step; shard.cpp calls these in order.
//
//     identity   storage marker, or joining a cluster, or making one     shard 0
//     storage    WAL streams
//     metadata   member of the group, or a client of it                  shard 0
//     cluster    its configuration; this node in it, in its new life     shard 0
//
// The other shards ask shard 0 for the outcome.
#pragma once

#include <string>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/node/shard.h"

namespace perdure::node {

// Nobody's: under it a WalWatch listens.
inline constexpr LogletId watched_loglet{UINT64_MAX - 1};
inline constexpr Duration open_patience = std::chrono::seconds(60);  // of one step, if alone

// After this the layout is known, and the metadata store can be asked.  Parks for as long as
// the cluster needs.
Result<void> open_storage(Shard::Rooms&);

// What the cluster sees of this shard, and it of the cluster: nodes, plan, log servers.
Result<void> open_cluster(Shard::Rooms&);

// The node's own port: before all else, as operators want to see a start, too.  Shard 0.
Result<void> open_node_port(Shard::Rooms&);

// What only shard 0 has besides: discovery, registry, admin API.
void open_administration(Shard::Rooms&);

// What GET /health of the node's port says: JSON.
std::string health_text(const Shard::Rooms&);

}  // namespace perdure::node
