// sim/cluster/raft_cluster.h
//
// The metadata group on three or five hosts and a spare, its clients and its operator, under
// every misfortune: members crash, lose power, are cut off, one way too; disks and clocks are
// bad; members come and go, leadership is given away.  What Raft promises is judged while it
// runs, what clients saw at the end.
#pragma once

#include "sim/scenario.h"

namespace perdure::sim {

Verdict raft_cluster(const Config& config);

}  // namespace perdure::sim
