// What operators change of the plan, as values.
#include "engine/node/reconfigure.h"

#include <gtest/gtest.h>

namespace perdure::node {
namespace {

control::Plan plan() {
  return {
      .lines = {
          {.partition = PartitionId(0), .replicas = {NodeId(1), NodeId(2)}, .leader = NodeId(1)},
          {.partition = PartitionId(1), .replicas = {NodeId(2), NodeId(3)}, .leader = NodeId(2)}}};
}

control::PlanLine line_after(const char* words) {
  const auto changed = replanned(plan(), PartitionId(1), words);
  EXPECT_TRUE(changed.has_value());
  EXPECT_EQ(changed->lines[0], plan().lines[0]);  // the other one stays as it was
  return changed->lines[1];
}

Code refusal(control::Plan of, std::uint64_t partition, const char* words) {
  const auto changed = replanned(std::move(of), PartitionId(partition), words);
  EXPECT_FALSE(changed.has_value()) << words;
  return changed ? Code::failed : changed.error().code;
}

control::Nodes nodes(std::vector<control::NodeState> states) {
  control::Nodes all;
  for (const control::NodeState state : states) {
    const auto id = NodeId(all.nodes.size() + 1);
    all.nodes.push_back(
        {.id = id, .name = "n" + std::to_string(id.raw()), .zone = "z", .state = state});
  }
  return all;
}

TEST(Reconfigure, AReplicaIsMadeTheLeader) { EXPECT_EQ(line_after("leader/3").leader, NodeId(3)); }

TEST(Reconfigure, APinStaysUntilItIsTakenBack) {
  EXPECT_EQ(line_after("pin/3").pinned, NodeId(3));
  control::Plan pinned = plan();
  pinned.lines[1].pinned = NodeId(3);
  EXPECT_EQ(replanned(pinned, PartitionId(1), "unpin")->lines[1].pinned, std::nullopt);
}

TEST(Reconfigure, FrozenAndNotAnyMore) {
  EXPECT_TRUE(line_after("freeze").frozen);
  control::Plan frozen = plan();
  frozen.lines[1].frozen = true;
  EXPECT_FALSE(replanned(frozen, PartitionId(1), "unfreeze")->lines[1].frozen);
}

TEST(Reconfigure, WhoHasNoReplicaCannotLead) {
  EXPECT_EQ(refusal(plan(), 1, "leader/1"), Code::conflict);
  EXPECT_EQ(refusal(plan(), 1, "pin/1"), Code::conflict);
}

// The next look at the plan would give it back to whom it is pinned to.
TEST(Reconfigure, APinIsNotOutvoted) {
  control::Plan pinned = plan();
  pinned.lines[1].pinned = NodeId(3);
  EXPECT_EQ(refusal(pinned, 1, "leader/2"), Code::conflict);
  EXPECT_TRUE(replanned(pinned, PartitionId(1), "leader/3").has_value());
}

TEST(Reconfigure, NonsenseIsRefused) {
  EXPECT_EQ(refusal(plan(), 1, "leader/x"), Code::invalid);
  EXPECT_EQ(refusal(plan(), 1, "leader"), Code::invalid);
  EXPECT_EQ(refusal(plan(), 1, "leader/3x"), Code::invalid);
  EXPECT_EQ(refusal(plan(), 1, "dance"), Code::not_found);
  EXPECT_EQ(refusal(plan(), 2, "freeze"), Code::not_found);
}

TEST(Reconfigure, ReplicationWithinTheNodesThatAreActive) {
  using enum control::NodeState;
  const auto three = nodes({active, active, active});
  EXPECT_EQ(with_replication({.partitions = 4}, "3", three)->replication.copies, 3U);
  EXPECT_EQ(with_replication({.partitions = 4}, "3", three)->partitions, 4U);
  EXPECT_EQ(with_replication({}, "4", three).error().code, Code::conflict);
  EXPECT_EQ(with_replication({}, "3", nodes({active, active, draining})).error().code,
            Code::conflict);
  EXPECT_EQ(with_replication({}, "{node: 2, zone: 2}", three).error().code, Code::conflict);
  EXPECT_EQ(with_replication({}, "two", three).error().code, Code::invalid);
}

TEST(Reconfigure, WhoIsLeftMustBeEnough) {
  using enum control::NodeState;
  const auto two_of_three = nodes({active, active, draining});
  EXPECT_TRUE(check_enough(two_of_three, {.copies = 2}));
  EXPECT_EQ(check_enough(two_of_three, {.copies = 3}).error().code, Code::conflict);
}

TEST(Reconfigure, ANodeIsDrainedWhenNothingIsWrittenToIt) {
  log::Chain chain;
  chain.loglets.push_back({.id = log::loglet_id(PartitionId(0), 1),
                           .base = Lsn(1),
                           .nodeset = {{.node = NodeId(1)}, {.node = NodeId(4)}},
                           .replication = {.copies = 2}});
  const auto code = [&](NodeId node) {
    const auto drained = check_drained(node, plan(), {chain});
    return drained ? std::optional<Code>() : drained.error().code;
  };
  EXPECT_EQ(code(NodeId(2)), Code::conflict);  // a replica
  EXPECT_EQ(code(NodeId(4)), Code::conflict);  // the open loglet
  EXPECT_EQ(code(NodeId(5)), std::nullopt);
  chain.loglets.push_back({.id = log::loglet_id(PartitionId(0), 2),
                           .base = Lsn(9),
                           .nodeset = {{.node = NodeId(1)}, {.node = NodeId(2)}},
                           .replication = {.copies = 2}});
  EXPECT_EQ(code(NodeId(4)), std::nullopt);  // one that is sealed
  chain.loglets.front().replication = {.copies = 1};
  EXPECT_EQ(code(NodeId(4)), Code::conflict);  // nobody else could give others a copy
}

}  // namespace
}  // namespace perdure::node
