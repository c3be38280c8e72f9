#include "engine/control/nodes.h"

#include <algorithm>
#include <optional>

namespace perdure::control {
namespace {

constexpr std::size_t nodes_max = 1024;

bool leads_to(NodeState from, NodeState to) {
  switch (from) {
    case NodeState::joining: return to == NodeState::active || to == NodeState::gone;
    case NodeState::active: return to == NodeState::draining;
    case NodeState::draining: return to == NodeState::active || to == NodeState::gone;
    case NodeState::gone: return false;
  }
  return false;
}

NodeId next_id(const Nodes& nodes) {
  return nodes.nodes.empty() ? NodeId(1) : NodeId(nodes.nodes.back().id.raw() + 1);
}

Result<void> knows_what_is_in_use(const Nodes& nodes, const NodeEntry& process) {
  if (process.features >= nodes.features) return {};
  return fail(Code::invalid, "this cluster uses features up to " + std::to_string(nodes.features) +
                                 ", this build knows those up to " +
                                 std::to_string(process.features) +
                                 ": start a release that is as new as the others");
}

}  // namespace

std::string_view name_of(NodeState state) {
  switch (state) {
    case NodeState::joining: return "joining";
    case NodeState::active: return "active";
    case NodeState::draining: return "draining";
    case NodeState::gone: return "gone";
  }
  return "?";
}

const NodeEntry* Nodes::find(NodeId id) const {
  const auto found = std::ranges::lower_bound(nodes, id, {}, &NodeEntry::id);
  return found != nodes.end() && found->id == id ? &*found : nullptr;
}

const NodeEntry* Nodes::find(std::string_view name) const {
  const auto found = std::ranges::find_if(nodes, [&](const NodeEntry& node) {
    return node.name == name && node.state != NodeState::gone;
  });
  return found == nodes.end() ? nullptr : &*found;
}

Result<Nodes> joined(Nodes nodes, const NodeEntry& process) {
  if (process.name.empty()) return fail(Code::invalid, "a node has a name");
  if (process.roles == 0 || process.roles > every_role) {
    return fail(Code::invalid, "a node has one role at least, of those that there are");
  }
  if (process.shards == 0 || process.streams == 0) {
    return fail(Code::invalid, "a node has one shard and one stream at least");
  }
  TRY_VOID(knows_what_is_in_use(nodes, process));
  if (const NodeEntry* const known = nodes.find(process.name)) {
    if (known->storage == process.storage) return nodes;
    return fail(Code::conflict, "the name '" + process.name + "' is that of node n" +
                                    std::to_string(known->id.raw()) +
                                    ", which has another disk and is not gone");
  }
  if (nodes.nodes.size() >= nodes_max) {
    return fail(Code::invalid, "a cluster has had " + std::to_string(nodes_max) + " nodes at most");
  }
  if (nodes.nodes.empty()) nodes.features = process.features;
  NodeEntry fresh = process;
  fresh.id = next_id(nodes);
  fresh.life = NodeLife(0);
  fresh.state = NodeState::joining;
  nodes.nodes.push_back(std::move(fresh));
  return nodes;
}

Result<Nodes> started(Nodes nodes, const NodeEntry& process) {
  const NodeEntry* const known = nodes.find(process.id);
  const std::string name = "node n" + std::to_string(process.id.raw());
  if (known == nullptr || known->state == NodeState::gone) {
    return fail(Code::fenced, name +
                                  " is not of this cluster any more; start it with an empty "
                                  "data directory to let it join anew");
  }
  if (known->storage != process.storage) {
    return fail(Code::fenced, name + " of this cluster has another disk");
  }
  if (known->life >= process.life) {
    return fail(Code::fenced, name + " was seen in its life " + std::to_string(known->life.raw()) +
                                  ", this would be " + std::to_string(process.life.raw()) +
                                  ": the data directory is an old copy");
  }
  if (const NodeEntry* const other = nodes.find(process.name); other && other != known) {
    return fail(Code::conflict, "the name '" + process.name + "' is that of node n" +
                                    std::to_string(other->id.raw()));
  }
  TRY_VOID(knows_what_is_in_use(nodes, process));
  NodeEntry& node = nodes.nodes[static_cast<std::size_t>(known - nodes.nodes.data())];
  const NodeState state = node.state == NodeState::joining ? NodeState::active : node.state;
  node = process;
  node.state = state;
  return nodes;
}

Result<Nodes> with_state(Nodes nodes, NodeId id, NodeState state) {
  const NodeEntry* const found = nodes.find(id);
  if (found == nullptr) return fail(Code::not_found, "no node n" + std::to_string(id.raw()));
  NodeEntry& node = nodes.nodes[static_cast<std::size_t>(found - nodes.nodes.data())];
  if (node.state == state) return nodes;
  if (!leads_to(node.state, state)) {
    return fail(Code::invalid, "n" + std::to_string(id.raw()) + " is " +
                                   std::string(name_of(node.state)) + ", which does not become " +
                                   std::string(name_of(state)));
  }
  node.state = state;
  return nodes;
}

Result<Nodes> without(Nodes nodes, NodeId id) {
  const NodeEntry* const found = nodes.find(id);
  if (found == nullptr) return fail(Code::not_found, "no node n" + std::to_string(id.raw()));
  nodes.nodes[static_cast<std::size_t>(found - nodes.nodes.data())].state = NodeState::gone;
  return nodes;
}

Nodes with_features_of_all(Nodes nodes) {
  std::optional<std::uint32_t> known;
  for (const NodeEntry& node : nodes.nodes) {
    if (node.state == NodeState::gone) continue;
    known = std::min(known.value_or(node.features), node.features);
  }
  nodes.features = std::max(nodes.features, known.value_or(0));
  return nodes;
}

}  // namespace perdure::control
