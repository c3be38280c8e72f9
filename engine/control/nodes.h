// engine/control/nodes.h
//
// The nodes configuration: who belongs to the cluster, what each is for, and which life of
// its process counts.  The object under the key "nodes"; changed by compare-and-set only.
//
//     joining ──► active ──► draining ──► gone          gone is for ever: ids do not come back
//                    ▲───────────┘
//
//                    └───────────────────────► gone, when its disk is lost
//
//     a node is a disk     its storage id, drawn when the disk was new; whoever comes with
//                          another one is another node, whatever its name
//     life                 + 1 at each start, counted on that disk; a process that sees a
//                          higher one of its node stops
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
  std::uint32_t streams = 1;   // of its WAL: a partition's is its number mod these
  std::uint64_t storage = 0;   // id of its disk
  std::string version;         // of the program
  std::string ingress, admin;  // addresses, for people and tools
  std::uint32_t features = 0;  // that its build knows: wire/features.h

  bool has(NodeRole role) const { return (roles & static_cast<std::uint32_t>(role)) != 0; }
  friend bool operator==(const NodeEntry&, const NodeEntry&) = default;
  static constexpr auto fields = std::tuple(
      wire::field(1, "id", &NodeEntry::id), wire::field(2, "name", &NodeEntry::name),
      wire::field(3, "address", &NodeEntry::address), wire::field(4, "roles", &NodeEntry::roles),
      wire::field(5, "zone", &NodeEntry::zone), wire::field(6, "region", &NodeEntry::region),
      wire::field(7, "state", &NodeEntry::state), wire::field(8, "life", &NodeEntry::life),
      wire::field(9, "shards", &NodeEntry::shards), wire::field(10, "streams", &NodeEntry::streams),
      wire::field(11, "storage", &NodeEntry::storage),
      wire::field(12, "version", &NodeEntry::version),
      wire::field(13, "ingress", &NodeEntry::ingress), wire::field(14, "admin", &NodeEntry::admin),
      wire::field(15, "features", &NodeEntry::features));
};

struct Nodes {
  std::vector<NodeEntry> nodes;  // by id; those that are gone stay, so that ids do not return
  std::uint32_t features = 0;    // in use: every node knows them, and who does not stays out

  const NodeEntry* find(NodeId) const;
  const NodeEntry* find(std::string_view name) const;  // of those that are not gone
  friend bool operator==(const Nodes&, const Nodes&) = default;
  static constexpr auto fields = std::tuple(wire::field(1, "nodes", &Nodes::nodes),
                                            wire::field(2, "features", &Nodes::features));
};

inline constexpr std::string_view nodes_key = "nodes";

// A process with a new disk comes: it gets the next id, and is joining.  The same disk again
// changes nothing.  `id`, `life` and `state` of what is given are not looked at.  Errors:
// conflict (another disk has that name, and is not gone); invalid, also when its build does not
// know the features in use.
Result<Nodes> joined(Nodes, const NodeEntry& process);
// A process of a disk that is known starts, in a later life than any before, perhaps at
// another address; one that was joining is active.  Error: fenced (that node is gone, has
// another disk, or was seen in a later life: the disk is an old copy); invalid (its build does
// not know the features in use).
Result<Nodes> started(Nodes, const NodeEntry& process);
// Errors: not_found; invalid when that step leads nowhere (see above).
Result<Nodes> with_state(Nodes, NodeId, NodeState);
// Its disk is lost: it is gone at once, whatever it was.  Error: not_found.
Result<Nodes> without(Nodes, NodeId);
// Features that all who are not gone know are in use from now on; they never go back.
Nodes with_features_of_all(Nodes);

}  // namespace perdure::control
