// engine/node/opening.h
//
// How a shard comes up, step by step; shard.cpp calls these in order.
#pragma once

#include <string>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/node/shard.h"

namespace perdure::node {

// Nobody's: under it a WalWatch listens.
inline constexpr LogletId watched_loglet{UINT64_MAX - 1};
inline constexpr Duration open_patience = std::chrono::seconds(60);  // of one step

// Marker, WAL streams, metadata: after this the layout is known.  Shard 0 makes what is
// missing and bumps the incarnation; the others ask it.
Result<void> open_storage(Shard::Rooms&);

// Logs, tables, replay, leadership, for all partitions of the shard.
Result<void> open_partitions(Shard::Rooms&);

// What only shard 0 has: discovery, registry, admin API, the node's own port.
void open_administration(Shard::Rooms&);

// What GET /health of the node's port says: JSON.
std::string health_text(const Shard::Rooms&);

}  // namespace perdure::node
