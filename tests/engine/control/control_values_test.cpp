// The control plane's small values: nodes, plans, and that placement comes to rest.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "engine/control/nodes.h"
#include "engine/control/placement.h"
#include "engine/control/plan.h"

namespace perdure::control {
namespace {

NodeEntry process(std::string name, std::uint64_t storage) {
  return {.name = std::move(name), .address = "a:1", .zone = {}, .region = {}, .storage = storage};
}

// The same process, as it starts with what it was told when it joined.
NodeEntry start_of(NodeEntry process, std::uint64_t id, std::uint64_t life) {
  process.id = NodeId(id);
  process.life = NodeLife(life);
  return process;
}

TEST(nodes, a_new_disk_is_a_new_node_and_the_same_disk_again_is_not) {
  auto nodes = joined({}, process("one", 11));
  ASSERT_TRUE(nodes);
  nodes = joined(*nodes, process("two", 22));
  ASSERT_TRUE(nodes);
  const Nodes before = *nodes;
  nodes = joined(*nodes, process("two", 22));  // its first answer was lost
  ASSERT_TRUE(nodes);
  EXPECT_EQ(*nodes, before);
  EXPECT_EQ(nodes->find("two")->id, NodeId(2));
  EXPECT_EQ(nodes->find("two")->state, NodeState::joining);
  EXPECT_EQ(joined(*nodes, process("two", 33)).error().code, Code::conflict);
}

TEST(nodes, who_starts_is_active_in_a_later_life_at_its_present_address) {
  auto nodes = joined({}, process("one", 11));
  nodes = started(*nodes, start_of(process("one", 11), 1, 1));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->find("one")->state, NodeState::active);
  NodeEntry moved = start_of(process("one", 11), 1, 2);
  moved.address = "b:2";
  nodes = started(*nodes, moved);
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->find("one")->address, "b:2");
  EXPECT_EQ(nodes->find("one")->life, NodeLife(2));
  EXPECT_EQ(started(*nodes, moved).error().code, Code::fenced);  // a copy of its disk
}

TEST(nodes, a_disk_does_not_become_another_node) {
  auto nodes = joined({}, process("one", 11));
  nodes = joined(*nodes, process("two", 22));
  EXPECT_EQ(started(*nodes, start_of(process("two", 33), 2, 1)).error().code, Code::fenced);
  EXPECT_EQ(started(*nodes, start_of(process("one", 22), 2, 1)).error().code, Code::conflict);
  EXPECT_EQ(started(*nodes, start_of(process("three", 33), 3, 1)).error().code, Code::fenced);
}

TEST(nodes, who_is_gone_does_not_come_back_and_neither_does_the_id) {
  auto nodes = joined({}, process("one", 11));
  nodes = started(*nodes, start_of(process("one", 11), 1, 1));
  EXPECT_FALSE(with_state(*nodes, NodeId(1), NodeState::gone));  // it is drained first
  nodes = with_state(*nodes, NodeId(1), NodeState::draining);
  nodes = with_state(*nodes, NodeId(1), NodeState::gone);
  ASSERT_TRUE(nodes);
  EXPECT_FALSE(with_state(*nodes, NodeId(1), NodeState::active));
  EXPECT_EQ(started(*nodes, start_of(process("one", 11), 1, 2)).error().code, Code::fenced);
  nodes = joined(*nodes, process("one", 12));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->find("one")->id, NodeId(2));
}

TEST(nodes, a_lost_disk_makes_room_for_a_new_one_of_its_name) {
  auto nodes = joined({}, process("one", 11));
  nodes = started(*nodes, start_of(process("one", 11), 1, 1));
  nodes = without(*nodes, NodeId(1));
  ASSERT_TRUE(nodes);
  nodes = joined(*nodes, process("one", 12));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->find("one")->id, NodeId(2));
  EXPECT_EQ(without(*nodes, NodeId(9)).error().code, Code::not_found);
}

NodeEntry of_release(NodeEntry process, std::uint32_t features) {
  process.features = features;
  return process;
}

TEST(nodes, features_are_in_use_when_all_know_them_and_never_less) {
  auto nodes = joined({}, of_release(process("one", 11), 1));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->features, 1u);  // who makes the cluster has nobody to ask
  nodes = joined(*nodes, of_release(process("two", 22), 2));
  EXPECT_EQ(with_features_of_all(*nodes).features, 1u);
  nodes = started(*nodes, of_release(start_of(process("one", 11), 1, 2), 2));
  ASSERT_TRUE(nodes);
  *nodes = with_features_of_all(*nodes);
  EXPECT_EQ(nodes->features, 2u);
  // The release before cannot come back, neither to its place nor as somebody else.
  EXPECT_EQ(started(*nodes, of_release(start_of(process("one", 11), 1, 3), 1)).error().code,
            Code::invalid);
  EXPECT_EQ(joined(*nodes, of_release(process("three", 33), 1)).error().code, Code::invalid);
  EXPECT_TRUE(joined(*nodes, of_release(process("three", 33), 3)));
}

TEST(nodes, who_is_gone_holds_no_feature_back) {
  auto nodes = joined({}, of_release(process("one", 11), 2));
  nodes = joined(*nodes, of_release(process("two", 22), 2));
  ASSERT_TRUE(nodes);
  nodes->features = 1;
  nodes->nodes[1].features = 1;
  EXPECT_EQ(with_features_of_all(*nodes).features, 1u);
  nodes = without(*nodes, NodeId(2));
  EXPECT_EQ(with_features_of_all(*nodes).features, 2u);
}

PlanLine planned(std::vector<std::uint64_t> replicas, std::uint64_t leader) {
  PlanLine line{.partition = PartitionId(0), .leader = NodeId(leader)};
  for (const std::uint64_t replica : replicas) line.replicas.emplace_back(replica);
  return line;
}

TEST(plan, nobody_leads_or_is_left_alone_before_he_has_caught_up) {
  const auto never = [](PartitionId, NodeId, NodeId) { return false; };
  const auto always = [](PartitionId, NodeId, NodeId) { return true; };
  const Plan before{.lines = {planned({1, 2}, 1)}};
  const Plan moved{.lines = {planned({1, 2}, 2)}};
  EXPECT_EQ(doable(before, moved, never), before);
  EXPECT_EQ(doable(before, moved, always), moved);
  // n1 is to go, n3 to come: it comes now, and n1 goes later.
  const Plan replaced{.lines = {planned({2, 3}, 2)}};
  EXPECT_EQ(doable(before, replaced, never), (Plan{.lines = {planned({1, 2, 3}, 1)}}));
  const Plan both{.lines = {planned({1, 2, 3}, 2)}};
  EXPECT_EQ(doable(before, replaced, always), both);
  EXPECT_EQ(doable(both, replaced, never), both);  // n2 does not lead yet
  EXPECT_EQ(doable(both, replaced, always), replaced);
  // One more is no reason to wait, and neither is a first plan.
  const Plan grown{.lines = {planned({1, 2, 3}, 1)}};
  EXPECT_EQ(doable(before, grown, never), grown);
  EXPECT_EQ(doable({}, grown, never), grown);
  // Who leads and stays need not have caught up with himself.
  const auto leads = [](PartitionId, NodeId candidate, NodeId leader) {
    return candidate == leader;
  };
  const Plan shrunk{.lines = {planned({1}, 1)}};
  EXPECT_EQ(doable(before, shrunk, leads), shrunk);
}

// Whatever comes and goes: it rests soon, and then all that can be had is had.
RC_GTEST_PROP(placement, comes_to_rest_with_what_was_wished, ()) {
  const auto node_count = *rc::gen::inRange<std::uint64_t>(1, 8);
  const auto partitions = *rc::gen::inRange<std::uint64_t>(1, 12);
  const PlacementWish wish{.copies = *rc::gen::inRange<std::uint32_t>(1, 4),
                           .zones = *rc::gen::inRange<std::uint32_t>(1, 3)};
  std::vector<PlacedNode> nodes;
  for (std::uint64_t n = 1; n <= node_count; ++n) {
    nodes.push_back({.id = NodeId(n), .zone = n % 2 == 0 ? "west" : "east"});
  }
  std::vector<PlanLine> lines;
  for (std::uint64_t p = 0; p < partitions; ++p) {
    lines.push_back({.partition = PartitionId(p), .replicas = {}});
  }
  for (int round = 0; round < 6; ++round) {
    for (PlacedNode& node : nodes) {
      if (node.use == NodeUse::gone) continue;
      const auto use = *rc::gen::inRange(0, 8);
      node.use = use == 0   ? NodeUse::away
                 : use == 1 ? NodeUse::draining
                 : use == 2 ? NodeUse::gone
                            : NodeUse::usable;
    }
    int steps = 0;
    for (; steps < 60; ++steps) {
      const std::vector<PlanLine> before = lines;
      lines = place(nodes, wish, lines);
      if (lines == before) break;
    }
    RC_ASSERT(steps < 60);
    const auto usable = static_cast<std::size_t>(std::ranges::count_if(
        nodes, [](const PlacedNode& node) { return node.use == NodeUse::usable; }));
    for (const PlanLine& line : lines) {
      RC_ASSERT(std::ranges::is_sorted(line.replicas));
      RC_ASSERT(std::ranges::adjacent_find(line.replicas) == line.replicas.end());
      RC_ASSERT(line.replicas.size() >= std::min<std::size_t>(wish.copies, usable));
      const auto may_lead = [&](NodeId id) { return nodes[id.raw() - 1].use == NodeUse::usable; };
      if (std::ranges::any_of(line.replicas, may_lead)) {
        RC_ASSERT(line.leader.has_value());
        RC_ASSERT(may_lead(*line.leader));
      }
      if (line.leader) {
        RC_ASSERT(std::ranges::find(line.replicas, *line.leader) != line.replicas.end());
      }
    }
  }
}

}  // namespace
}  // namespace perdure::control
