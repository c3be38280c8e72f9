// engine/control/placement.h
//
// Where partitions live and who leads them, as a pure function: what there is goes in, what
// should be comes out.
//
//     replicas    as many as wanted, in as many zones, on usable nodes with few of them;
//                 one that is away keeps its place until it is gone for good, and one more
//                 is moved at a time: never a whole set
//                 moved for balance alone, one at a time, from a node that has two more than
//                 the one it goes to
//     leader      stays while it may; else the pinned one, else the usable replica that
//                 leads the fewest
//
// Called again and again it comes to rest, and then nothing moves until something happens.
// Who carries a step out calls again when the newcomer of the step before has caught up.
//
// No ping-pong: leaders are moved for balance only when two nodes differ by two or more,
// `moves_max` at a time, and never towards who would then have more than who gave.
//
//     frozen      nothing of it changes, not even when its leader dies
//     pinned      leads when it can; a wish, not an order
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/wire/codec.h"

namespace perdure::control {

enum class NodeUse : std::uint8_t {
  usable,    // may be given more
  away,      // not now; it may come back: keeps its replicas, does not lead
  draining,  // keeps what it has until somebody else has it
  gone,      // will not come back
};

struct PlacedNode {
  NodeId id;
  std::string zone;
  NodeUse use = NodeUse::usable;
};

// One line of the plan; the object under the key "partitions" is a list of them.
struct PlanLine {
  PartitionId partition;
  std::vector<NodeId> replicas;  // sorted
  std::optional<NodeId> leader;  // one of them
  bool frozen = false;
  std::optional<NodeId> pinned;
  friend bool operator==(const PlanLine&, const PlanLine&) = default;
  static constexpr auto fields = std::tuple(
      wire::field(1, "partition", &PlanLine::partition),
      wire::field(2, "replicas", &PlanLine::replicas), wire::field(3, "leader", &PlanLine::leader),
      wire::field(4, "frozen", &PlanLine::frozen), wire::field(5, "pinned", &PlanLine::pinned));
};

struct PlacementWish {
  std::uint32_t copies = 1;
  std::uint32_t zones = 1;      // that they span, as far as there are so many
  std::uint32_t moves_max = 2;  // leaders moved for balance alone, one call
};

// `lines` by partition; so are those that come back.
std::vector<PlanLine> place(const std::vector<PlacedNode>& nodes, const PlacementWish& wish,
                            std::vector<PlanLine> lines);

}  // namespace perdure::control
