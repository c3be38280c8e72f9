// engine/log/quorum.h
//
// Which sets of nodes are enough, as arithmetic over a nodeset and a replication.
//
//     nodes  a b c | d e     zones west, east      replication: 3 copies in 2 zones
//     write quorum   {a b d}      enough copies, in enough zones: it may be committed
//     f-majority     {a d e}      without these no write quorum is left, so every
//                                 committed record is on one of these at least
//
//     f_majority(S)  ==  not write_quorum(nodeset - S)
//
// Both only grow: what a set has, every larger set has too.  Nodes outside of the nodeset
// count for nothing.  Whether a node's answer may be counted at all (a wiped disk holds
// nothing with authority) is decided before it gets here.
//
// Paper: Balakrishnan et al., "Virtual Consensus in Delos", OSDI 2020; the zones and the
// word f-majority follow LogDevice.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/wire/codec.h"

namespace perdure::log {

struct Member {
  NodeId node;
  std::string zone;  // "" is a zone like any other
  static constexpr auto fields =
      std::tuple(wire::field(1, "node", &Member::node), wire::field(2, "zone", &Member::zone));
  friend bool operator==(const Member&, const Member&) = default;
};

struct Replication {
  std::uint32_t copies = 1;
  std::uint32_t zones = 1;  // zones <= copies
  static constexpr auto fields = std::tuple(wire::field(1, "copies", &Replication::copies),
                                            wire::field(2, "zones", &Replication::zones));
  friend bool operator==(const Replication&, const Replication&) = default;
};

using Nodes = std::vector<NodeId>;

// Errors: invalid, when the nodeset is empty, has a node twice, or can hold no quorum.
Result<void> check_nodeset(const std::vector<Member>& nodeset, Replication replication);

bool is_write_quorum(const std::vector<Member>& nodeset, Replication replication,
                     const Nodes& nodes);
bool is_f_majority(const std::vector<Member>& nodeset, Replication replication, const Nodes& nodes);

}  // namespace perdure::log
