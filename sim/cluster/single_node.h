// sim/cluster/single_node.h
//
// One whole server, its clients and its handlers, under every misfortune that a cluster
// of one must survive: acknowledged is durable, effects happen once, order is kept, and
// when the weather clears everything that was promised comes true.
#pragma once

#include "sim/scenario.h"

namespace perdure::sim {

Verdict single_node(const Config& config);

}  // namespace perdure::sim
