// engine/node/reconfigure.h
//
// What operators change of the cluster's plan; as values, so that whoever changes it reads,
// calls, writes, and begins again when somebody was faster.
//
//     POST /cluster/partitions/ID/leader/N    N leads now; the plan may move it again
//     POST /cluster/partitions/ID/pin/N       N leads whenever it can;  unpin: as the plan likes
//     POST /cluster/partitions/ID/freeze      nothing of it changes;    unfreeze
//     POST /cluster/replication               body: "2", "{node: 3, zone: 2}"
//
// The plan is what controllers make of these wishes (control/placement.h), and the leaders
// open new loglets when the replication is another one (replica.h).
#pragma once

#include <string_view>
#include <vector>

#include "engine/control/nodes.h"
#include "engine/control/plan.h"
#include "engine/log/chain.h"
#include "engine/node/layout.h"

namespace perdure::node {

// `words`: what follows the partition's number in the path.  Errors: not_found (no such
// partition, no such word); invalid; conflict (that node has no replica, or another is pinned).
Result<control::Plan> replanned(control::Plan, PartitionId, std::string_view words);
// Whether those that are active can keep so many copies.  Error: conflict.
Result<void> check_enough(const control::Nodes&, const log::Replication&);
// Errors: invalid; conflict (the nodes that are active are too few).
Result<ClusterConfig> with_replication(ClusterConfig, std::string_view text, const control::Nodes&);

// Whether a drained node has nothing left to do: no replica, and no log is written to it.  What
// it has of logs that are sealed, others are given copies of.  Error: conflict, with what it has.
Result<void> check_drained(NodeId, const control::Plan&, const std::vector<log::Chain>&);

}  // namespace perdure::node
