// engine/node/identity.h
//
// Which node this is: what its disk says; or, of an empty disk, what the cluster that it joins
// says; or node 1 of a cluster that it makes.
#pragma once

#include "engine/node/shard.h"

namespace perdure::node {

// Fills in node, streams, storage id, fingerprint and incarnation of the layout, and whom one
// knows.  Shard 0.  Parks, for a cluster to join or a word to make one, as long as that takes.
// Errors: invalid and conflict (the directory is of another cluster, or the cluster does not
// take this node), corrupt, those of the disk, cancelled.
Result<void> find_identity(Shard::Rooms&);

// This process, as it tells others.
control::NodeEntry entry_of(const Shard::Rooms&);

// The one that makes a cluster is node 1 of it.
inline constexpr NodeId founder{1};

}  // namespace perdure::node
