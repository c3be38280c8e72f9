// The control plane's small values: nodes, orders, and that placement comes to rest.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "engine/control/nodes.h"
#include "engine/control/placement.h"
#include "engine/control/plan.h"

namespace perdure::control {
namespace {

NodeEntry process(std::string name, std::string address = "a:1") {
  return {.name = std::move(name), .address = std::move(address), .zone = {}, .region = {}};
}

TEST(nodes, a_new_name_is_a_new_node_and_a_known_one_another_life) {
  auto nodes = started({}, process("one"));
  ASSERT_TRUE(nodes);
  nodes = started(*nodes, process("two"));
  nodes = started(*nodes, process("one", "b:2"));
  ASSERT_TRUE(nodes);
  ASSERT_EQ(nodes->nodes.size(), 2u);
  EXPECT_EQ(nodes->find("one")->id, NodeId(1));
  EXPECT_EQ(nodes->find("one")->life, NodeLife(2));
  EXPECT_EQ(nodes->find("one")->address, "b:2");
  EXPECT_EQ(nodes->find(NodeId(2))->life, NodeLife(1));
}

TEST(nodes, a_disk_that_says_who_it_was_does_not_become_somebody_else) {
  auto nodes = started({}, process("one"));
  nodes = started(*nodes, process("two"));
  EXPECT_TRUE(started(*nodes, process("two"), NodeId(2)));
  const auto other = started(*nodes, process("three"), NodeId(2));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::fenced);
}

TEST(nodes, who_is_gone_does_not_come_back_and_neither_does_the_id) {
  auto nodes = started({}, process("one"));
  nodes = with_state(*nodes, NodeId(1), NodeState::active);
  EXPECT_FALSE(with_state(*nodes, NodeId(1), NodeState::gone));  // it is drained first
  nodes = with_state(*nodes, NodeId(1), NodeState::draining);
  nodes = with_state(*nodes, NodeId(1), NodeState::gone);
  ASSERT_TRUE(nodes);
  EXPECT_FALSE(with_state(*nodes, NodeId(1), NodeState::active));
  EXPECT_EQ(started(*nodes, process("one"), NodeId(1)).error().code, Code::fenced);
  nodes = started(*nodes, process("one"));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(nodes->find("one")->id, NodeId(2));
}

TEST(orders, a_stale_order_is_answered_with_what_is_known) {
  Orders orders;
  const PlanLine line{.partition = PartitionId(3), .replicas = {NodeId(1)}, .leader = NodeId(1)};
  PlanLine other = line;
  other.leader.reset();
  EXPECT_EQ(orders.take({.version = 7, .line = line}),
            (OrderAnswer{.what = OrderAnswer::What::done, .known = 7}));
  EXPECT_EQ(orders.take({.version = 9, .line = other}),
            (OrderAnswer{.what = OrderAnswer::What::done, .known = 9}));
  EXPECT_EQ(orders.take({.version = 7, .line = line}),
            (OrderAnswer{.what = OrderAnswer::What::stale, .known = 9}));
  EXPECT_EQ(*orders.find(PartitionId(3)), other);
  EXPECT_EQ(orders.find(PartitionId(4)), nullptr);
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
