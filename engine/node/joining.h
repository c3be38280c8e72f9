// engine/node/joining.h
//
// How a process with an empty disk becomes a node of a cluster: it asks any node of it, by
// HTTP on the node port, for that needs no identity.
//
//     newcomer ── POST /cluster/join: name, address, roles, disk ──► any node
//                                                                      │ "nodes" gets an entry
//              ◄── number, fingerprint, partitions, all nodes ─────────┘
//
// Asking again is harmless: a disk that is known gets the answer it got.  What the newcomer
// is told it writes into its storage marker, and is that node from then on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/control/metadata.h"
#include "engine/control/nodes.h"
#include "engine/io/world.h"
#include "engine/node/layout.h"
#include "engine/node/options.h"

namespace perdure::node {

inline constexpr std::string_view join_path = "/cluster/join";

struct JoinAnswer {
  NodeId node;
  std::uint64_t fingerprint = 0;
  control::Nodes nodes;
  static constexpr auto fields = std::tuple(wire::field(1, "node", &JoinAnswer::node),
                                            wire::field(2, "fingerprint", &JoinAnswer::fingerprint),
                                            wire::field(3, "nodes", &JoinAnswer::nodes));
};

// Asks one address after the other, again and again until one answers.  Parks.  Errors: those
// that no asking again will cure (another cluster, a name in use, a secret that is wrong);
// cancelled.  not_found: there is no cluster yet, as far as those who are there know, and this
// node may be the one to make it (Options::auto_provision).
Result<JoinAnswer> join(io::World&, const Options&, const control::NodeEntry& process);

// The other side: lets the process in that the question tells of.  `is_dead`: whether the node
// that has its name is taken for dead; then that node is gone, and this one takes its place.
// Parks.  Errors: corrupt, invalid, conflict, those of the store.
Result<std::string> admit_newcomer(io::World&, control::Metadata&, const Options&, const Layout&,
                                   std::string_view question,
                                   const std::function<bool(NodeId)>& is_dead);

}  // namespace perdure::node
