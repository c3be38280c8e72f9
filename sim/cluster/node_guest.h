// sim/cluster/node_guest.h
//
// A server as a guest of a simulated host: the very node::Shards that the real binary
// runs, one for each World.  Where the real process would exit, for want of a disk it
// can trust, the host is crashed and started anew, as whoever minds real processes does.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/node/options.h"
#include "engine/node/shard.h"
#include "sim/world/host.h"

namespace perdure::sim {

// Stands between a shard and its trace, for who looks closer.
using WrapTrace = std::function<std::unique_ptr<io::Trace>(io::Trace& below)>;

// The host's; ports are those of Options.  Outlived by universe and host.
Factory node_guest(Host& host, const node::Options& options, WrapTrace wrap = {});

// Walks through all that the server on this host holds in memory, if it is up, and
// fails a CHECK where it contradicts itself.  Between events only; the host was started
// with node_guest().
void check_inside(Host& host);

// What the server on this host is made of: for checkers, which look between events and do
// not touch.  By shard; none when it is down.
std::vector<const node::Shard::Rooms*> rooms_on(Host& host);
// The partitions that it follows or leads now.
std::vector<PartitionId> replicated_on(Host& host);

}  // namespace perdure::sim
