// sim/cluster/cluster.h
//
// Several whole servers that form one cluster, their clients and their handlers, under every
// misfortune that the cluster must survive: the promises of single_node, kept by all of them
// together.
//
//     n1 makes the cluster ◄── n2 … join ── (all are members) ─► chaos ─► heal ─► at rest?
//
// A disk may be lost where there are copies of what it holds.  Whoever minds the machine then
// starts it anew with an empty one: it joins under its name, and is another node.
#pragma once

#include "sim/scenario.h"

namespace perdure::sim {

Verdict cluster(const Config& config);

}  // namespace perdure::sim
