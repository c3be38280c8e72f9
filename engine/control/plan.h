// engine/control/plan.h
//
// The plan as the controller publishes it, by compare-and-set of the object under "partitions";
// every node watches that and goes by it, so there are no orders that could be stale (restate
// #4937: 30 s without leader).
//
//     epoch of a partition   minted by compare-and-set of "epoch/<partition>" only; higher
//                            wins, whoever thinks otherwise
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/control/nodes.h"
#include "engine/control/placement.h"

namespace perdure::control {

inline constexpr std::string_view plan_key = "partitions";

struct Plan {
  std::vector<PlanLine> lines;  // by partition
  friend bool operator==(const Plan&, const Plan&) = default;
  static constexpr auto fields = std::tuple(wire::field(1, "lines", &Plan::lines));
};

// Has `candidate` applied about all that `leader` has?  True when the leader cannot be asked: then
// there is nothing to wait for.  Of the leader itself: does it lead?
using CaughtUp = std::function<bool(PartitionId, NodeId candidate, NodeId leader)>;
// What of `next` may be done now: whoever is to lead instead of one that leads well must have
// caught up before, and nobody goes before the one who is to lead does: of a log that is trimmed
// those who go may have the only tables.  Newcomers come at once.
Plan doable(const Plan& before, Plan next, const CaughtUp& caught_up);

// Who may lead a partition, and since which epoch; the object under epoch_key().  Its epoch
// is the version that the store gives it.
struct PartitionEpoch {
  NodeId leader;
  NodeLife life;
  std::vector<NodeId> replicas;  // when it was minted
  friend bool operator==(const PartitionEpoch&, const PartitionEpoch&) = default;
  static constexpr auto fields = std::tuple(wire::field(1, "leader", &PartitionEpoch::leader),
                                            wire::field(2, "life", &PartitionEpoch::life),
                                            wire::field(3, "replicas", &PartitionEpoch::replicas));
};
std::string epoch_key(PartitionId);  // "epoch/7"

}  // namespace perdure::control
