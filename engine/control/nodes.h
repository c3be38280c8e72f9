// engine/control/nodes.h
//
// The nodes configuration: who belongs to the cluster, what each is for, and which life of
// its process counts.  The object under the key "nodes"; changed by compare-and-set only.
//
//     joining ──► active ──► draining ──► gone          gone is for ever: ids do not come back
//                    ▲───────────┘
//
//     incarnation   + 1 at each start; a process that sees a higher one of its node stops
//
// Every function here takes a configuration and gives the changed one, or why not: whoever
// changes it reads, calls, writes, and begins again when somebody was faster.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/wire/codec.h"

namespace perdure::control {

using NodeLife = Number<struct NodeLifeTag, Shape::counter>;  // number of a process start

enum class NodeState : std::uint8_t {
  joining = 0,  // known, and given nothing yet
  active = 1,
  draining = 2,  // keeps what it has until others have it
  gone = 3,
};
std::string_view name_of(NodeState);

// Bits of NodeEntry::roles.
enum class NodeRole : std::uint32_t { metadata = 1, log = 2, worker = 4, ingress = 8, admin = 16 };
inline constexpr std::uint32_t every_role = 31;

struct NodeEntry {
  NodeId id;
  std::string name;     // unique in the cluster
  std::string address;  // of its node port, "host:port"
  std::uint32_t roles = every_role;
  std::string zone, region;
  NodeState state = NodeState::joining;
  NodeLife life;
  std::uint32_t shards = 1;

  bool has(NodeRole role) const { return (roles & static_cast<std::uint32_t>(role)) != 0; }
  friend bool operator==(const NodeEntry&, const NodeEntry&) = default;
  static constexpr auto fields = std::tuple(
      wire::field(1, "id", &NodeEntry::id), wire::field(2, "name", &NodeEntry::name),
      wire::field(3, "address", &NodeEntry::address), wire::field(4, "roles", &NodeEntry::roles),
      wire::field(5, "zone", &NodeEntry::zone), wire::field(6, "region", &NodeEntry::region),
      wire::field(7, "state", &NodeEntry::state), wire::field(8, "life", &NodeEntry::life),
      wire::field(9, "shards", &NodeEntry::shards));
};

struct Nodes {
  std::vector<NodeEntry> nodes;  // by id; those that are gone stay, so that ids do not return

  const NodeEntry* find(NodeId) const;
  const NodeEntry* find(std::string_view name) const;  // of those that are not gone
  friend bool operator==(const Nodes&, const Nodes&) = default;
  static constexpr auto fields = std::tuple(wire::field(1, "nodes", &Nodes::nodes));
};

inline constexpr std::string_view nodes_key = "nodes";

// A process of that name starts: a new node with the next id, or another life of the one
// that there is, at its present address.  `id` and `life` of what is given are not looked at.
// Errors: fenced (the node of that name is gone, or `expected` is another one); invalid.
Result<Nodes> started(Nodes, const NodeEntry& process, NodeId expected = NodeId(0));
// Errors: not_found; invalid when that step leads nowhere (see above).
Result<Nodes> with_state(Nodes, NodeId, NodeState);

}  // namespace perdure::control
