// sim/cluster/log_cluster.h
//
// The replicated log alone: three to seven machines, writers that fight for its partitions,
// readers on every machine, disks that are lost within what copies can bear.  What was
// acknowledged is read by everybody, in one order, and after the chaos all of them arrive.
#pragma once

#include "sim/scenario.h"

namespace perdure::sim {

Verdict log_cluster(const Config& config);

}  // namespace perdure::sim
