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
// count for nothing.
//
// Whose answers count.  A node that lost its disk says "I have nothing" and proves nothing
// by it, while its "here is the record" is as good as anybody's:
//
//     state          new records   "nothing here" proves it
//     provisioning   not yet       yes: it never had any
//     read_write     yes           yes
//     read_only      no            yes
//     data_loss      no            no, until it holds again what it should
//     gone           no            no, and it will not come back
//     disabled       no            needs not be asked: it surely holds nothing
//
// A node that the configuration does not know yet is provisioning; one that it has removed
// is disabled.  The other way round a seal would pass with one node (restate 9aa8f0632).
//
// Paper: Balakrishnan et al., "Virtual Consensus in Delos", OSDI 2020; the scopes and the
// word f-majority follow LogDevice.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/wire/codec.h"

namespace perdure::log {

struct Member {
  NodeId node;
  std::string zone;    // "" is a zone like any other
  std::string region;  // zones of the same name in two regions are two zones
  static constexpr auto fields =
      std::tuple(wire::field(1, "node", &Member::node), wire::field(2, "zone", &Member::zone),
                 wire::field(3, "region", &Member::region));
  friend bool operator==(const Member&, const Member&) = default;
};

// Copies that together span so many zones and regions.
struct Replication {
  std::uint32_t copies = 1;
  std::uint32_t zones = 1;    // zones <= copies
  std::uint32_t regions = 1;  // regions <= zones
  static constexpr auto fields = std::tuple(wire::field(1, "copies", &Replication::copies),
                                            wire::field(2, "zones", &Replication::zones),
                                            wire::field(3, "regions", &Replication::regions));
  friend bool operator==(const Replication&, const Replication&) = default;
};

// "2", "{node: 3}", "{zone: 2, node: 3}", "{region: 2, node: 4}".  Error: invalid.
Result<Replication> parse_replication(std::string_view text);
std::string to_text(Replication replication);

using Nodes = std::vector<NodeId>;

// Errors: invalid, when the nodeset is empty, has a node twice, or can hold no quorum.
Result<void> check_nodeset(const std::vector<Member>& nodeset, Replication replication);

bool is_write_quorum(const std::vector<Member>& nodeset, Replication replication,
                     const Nodes& nodes);
// Of a nodeset that can hold no write quorum it takes all.
bool is_f_majority(const std::vector<Member>& nodeset, Replication replication, const Nodes& nodes);

enum class StorageState : std::uint8_t {
  provisioning = 0,
  read_write = 1,
  read_only = 2,
  data_loss = 3,
  gone = 4,
  disabled = 5,
};
std::string_view name_of(StorageState state);
bool is_authoritative(StorageState state);

using States = std::map<NodeId, StorageState>;
StorageState state_of(const States& states, NodeId node);  // unknown: provisioning

// How sure one may be that `nodes` meet every write quorum.
enum class Certainty {
  none,
  best_effort,  // all who can speak with authority have spoken, and they are too few
  at_risk,      // only when one believes nodes that lost their disks
  certain,
};
std::string_view name_of(Certainty certainty);
// Nothing that is done without an operator takes less than `certain`: who has lost its disk
// may have held the one copy that matters, and the node that has the other may come back.
Certainty f_majority(const std::vector<Member>& nodeset, Replication replication,
                     const States& states, const Nodes& nodes);

// A nodeset without its disabled nodes, and the most that these few can hold.
struct Placement {
  std::vector<Member> nodeset;
  Replication replication;
};
Placement effective(const std::vector<Member>& nodeset, Replication replication,
                    const States& states);

// The same without those that are gone for good too: where copies can be kept today.  With
// fewer nodes than copies were wanted, all that are left hold one.  A quorum of these meets
// every f-majority of the whole nodeset that is without the gone ones: n - r + 1 of them, and
// min(r, n - g), are more than n - g.
Placement lasting(const std::vector<Member>& nodeset, Replication replication,
                  const States& states);

// The fewest of `usable`, from the front of the nodeset, that make a write quorum; empty
// when they cannot.
Nodes choose_copyset(const std::vector<Member>& nodeset, Replication replication,
                     const Nodes& usable);

}  // namespace perdure::log
