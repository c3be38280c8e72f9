#include "engine/control/nodes.h"

#include <algorithm>

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

Result<Nodes> started(Nodes nodes, const NodeEntry& process, NodeId expected) {
  if (process.name.empty()) return fail(Code::invalid, "a node has a name");
  if (process.roles == 0 || process.roles > every_role) {
    return fail(Code::invalid, "a node has one role at least, of those that there are");
  }
  const NodeEntry* const known = nodes.find(process.name);
  if (expected != NodeId(0)) {
    // Its disk says who it was: it must not become somebody else.
    const NodeEntry* const was = nodes.find(expected);
    if (was == nullptr || was->state == NodeState::gone || was != known) {
      return fail(Code::fenced, "node n" + std::to_string(expected.raw()) + " is not '" +
                                    process.name + "' of this cluster any more");
    }
  }
  if (known == nullptr) {
    if (nodes.nodes.size() >= nodes_max) {
      return fail(Code::invalid,
                  "a cluster has had " + std::to_string(nodes_max) + " nodes at most");
    }
    NodeEntry fresh = process;
    fresh.id = next_id(nodes);
    fresh.life = NodeLife(1);
    fresh.state = NodeState::joining;
    nodes.nodes.push_back(std::move(fresh));
    return nodes;
  }
  NodeEntry& node = nodes.nodes[static_cast<std::size_t>(known - nodes.nodes.data())];
  node.life = node.life.next();
  node.address = process.address;
  node.roles = process.roles;
  node.zone = process.zone;
  node.region = process.region;
  node.shards = process.shards;
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

}  // namespace perdure::control
