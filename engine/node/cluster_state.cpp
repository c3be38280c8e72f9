#include "engine/node/cluster_state.h"

#include <algorithm>

namespace perdure::node {
namespace {

using control::NodeEntry;
using control::NodeState;

log::StorageState storage_of(NodeState state) {
  switch (state) {
    case NodeState::joining: return log::StorageState::provisioning;
    case NodeState::active: return log::StorageState::read_write;
    case NodeState::draining: return log::StorageState::read_only;
    case NodeState::gone: return log::StorageState::gone;
  }
  return log::StorageState::provisioning;
}

}  // namespace

ClusterState::ClusterState(io::World& world, control::Metadata& metadata, const Layout& layout)
    : world_(world),
      layout_(layout),
      config_(world, metadata, cluster_key, [this] { changed(); }),
      nodes_(world, metadata, control::nodes_key, [this] { take_nodes(); }),
      plan_(world, metadata, control::plan_key, [this] { changed(); }) {}

Result<void> ClusterState::open(Instant deadline) {
  TRY_VOID(config_.open(deadline));
  TRY_VOID(nodes_.open(deadline));
  return plan_.open(deadline);
}

void ClusterState::stop() {
  config_.stop();
  nodes_.stop();
  plan_.stop();
}

Result<void> ClusterState::wait_for_nodes(std::uint64_t version, Instant deadline) {
  return nodes_.reached(version, deadline);
}

Result<void> ClusterState::wait_for_plan(std::uint64_t version, Instant deadline) {
  return plan_.reached(version, deadline);
}

void ClusterState::take_nodes() {
  tell_addresses(world_.peers, nodes_.now());
  changed();
}

void ClusterState::changed() {
  for (const auto& told : changed_) told();
}

const control::PlanLine* ClusterState::line_of(PartitionId partition) const {
  const auto& lines = plan_.now().lines;
  const auto found = std::ranges::lower_bound(lines, partition, {}, &control::PlanLine::partition);
  return found == lines.end() || found->partition != partition ? nullptr : &*found;
}

std::optional<io::ShardAddress> ClusterState::leader_of(PartitionId partition) const {
  const control::PlanLine* const line = line_of(partition);
  if (line == nullptr || !line->leader) return std::nullopt;
  return shard_of(*line->leader, partition);
}

std::optional<io::ShardAddress> ClusterState::shard_of(NodeId node, PartitionId partition) const {
  if (node == layout_.node) {
    return io::ShardAddress{.node = node, .shard = layout_.shard_of(partition)};
  }
  const NodeEntry* const entry = nodes_.now().find(node);
  if (entry == nullptr || entry->state == NodeState::gone) return std::nullopt;
  const std::uint64_t stream = partition.raw() % std::max(entry->streams, 1U);
  return io::ShardAddress{
      .node = node, .shard = static_cast<std::uint32_t>(stream % std::max(entry->shards, 1U))};
}

std::vector<log::Candidate> ClusterState::log_servers() const {
  std::vector<log::Candidate> servers;
  for (const NodeEntry& node : nodes_.now().nodes) {
    if (!node.has(control::NodeRole::log)) continue;
    servers.push_back({.member = {.node = node.id, .zone = node.zone, .region = node.region},
                       .state = storage_of(node.state),
                       .alive = node.id == layout_.node || usable_.is(node.id)});
  }
  return servers;
}

bool ClusterState::is_alone() const {
  return std::ranges::none_of(nodes_.now().nodes, [this](const NodeEntry& node) {
    return node.id != layout_.node && node.state != NodeState::gone;
  });
}

void tell_addresses(io::Peers& peers, const control::Nodes& nodes) {
  const NodeId self = peers.self().node;
  for (const NodeEntry& node : nodes.nodes) {
    if (node.id == self) continue;
    peers.set_address(node.id, node.state == NodeState::gone ? std::string() : node.address);
  }
}

}  // namespace perdure::node
