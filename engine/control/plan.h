// engine/control/plan.h
//
// The plan as controllers publish it and roles obey it.  The object under "partitions".
//
//     controller ── order (version 7, partition 3: replicas, leader) ──► role
//                ◄── answer: done, I know version 7                      as it should be
//                ◄── answer: stale, I know version 9                     then it reads again
//
// A stale order is answered with what is known, never ignored: a controller with an old view
// learns so at once, instead of after its next refresh (restate #4937: 30 s without leader).
//
//     epoch of a partition   minted by compare-and-set of "epoch/<partition>" only; higher
//                            wins, whoever thinks otherwise
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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
// there is nothing to wait for.
using CaughtUp = std::function<bool(PartitionId, NodeId candidate, NodeId leader)>;
// What of `next` may be done now: whoever is to lead instead of one that leads well, and whoever
// is to be left when a replica goes, must have caught up before.  Newcomers come at once.
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

struct Order {
  std::uint64_t version = 0;  // of the plan that it comes from
  PlanLine line;
};
struct OrderAnswer {
  enum class What : std::uint8_t { done, stale } what = What::done;
  std::uint64_t known = 0;  // the version that the role goes by
  friend bool operator==(const OrderAnswer&, const OrderAnswer&) = default;
};

// What a node has been told, one for each partition, as a value.
class Orders {
 public:
  // done: `line` is now the order.  The same version again is done again.
  OrderAnswer take(const Order&);
  // Nothing when no order ever came.
  const PlanLine* find(PartitionId) const;

 private:
  std::map<PartitionId, Order> orders_;
};

}  // namespace perdure::control
