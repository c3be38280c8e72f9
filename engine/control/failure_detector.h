// engine/control/failure_detector.h
//
// One node's opinion of who is alive, as a value: ticks and gossip go in, changes come out.
//
//     age of a node   ticks since anybody heard it say something of itself; carried along by
//                     gossip, so news travels by way of third nodes
//
//         ┌──── age > suspect_after ───► suspect ──── age > dead_after ───► dead
//       alive                              │                                  │
//         ▲──── age <= suspect_after, for steady_after ticks in a row ────────┘
//
// A node comes back slowly and goes at once: else one whose every second message is lost
// would be taken in and thrown out for ever.
//
// Who runs on another machine and loses its power is found out by silence.  A process that dies
// takes its connections along, which is heard at once: lost() for some ticks, without news of
// it that are younger than the loss and without found(), is as good as silence.
//
// Time is whole ticks.  A process that stood still is told by how many, and ages the others
// by as many; but what was said to it meanwhile lies in its queues, so for a few ticks it
// listens before it judges.  The same after its start: slow starting is not missed gossip.
//
// A node that hears nobody is lonely.  It does not count itself among the living, and does
// not say that it is: a node that can send and not receive must not be kept as a leader.
//
// Decides who *tries*, never what is true: epochs and quorums do that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/control/nodes.h"
#include "engine/wire/codec.h"

namespace perdure::control {

enum class Health : std::uint8_t { unknown, alive, suspect, dead };
std::string_view name_of(Health);

// All in ticks.
struct DetectorOptions {
  std::uint32_t suspect_after = 10;
  std::uint32_t dead_after = 30;
  std::uint32_t steady_after = 20;
  std::uint32_t listen_first = 5;  // after a start and after standing still
  std::uint32_t lost_after = 3;    // without a connection
};

struct HeardOf {
  NodeId node;
  NodeLife life;
  std::uint32_t age = 0;  // ticks
  bool leaving = false;   // shuts down: give it nothing more
  static constexpr auto fields = std::tuple(
      wire::field(1, "node", &HeardOf::node), wire::field(2, "life", &HeardOf::life),
      wire::field(3, "age", &HeardOf::age), wire::field(4, "leaving", &HeardOf::leaving));
};
struct Gossip {
  NodeId from;
  std::vector<HeardOf> heard;
  static constexpr auto fields =
      std::tuple(wire::field(1, "from", &Gossip::from), wire::field(2, "heard", &Gossip::heard));
};

struct HealthChange {
  NodeId node;
  Health before, after;
};

class FailureDetector {
 public:
  FailureDetector(DetectorOptions options, NodeId self, NodeLife life);

  // Who there is, ourselves included or not; others are forgotten.
  void watch(const std::vector<NodeId>& nodes);
  // So many tick intervals have passed: 1, or more when we stood still.
  void tick(std::uint32_t intervals = 1);
  void hear(const Gossip&);
  void lost(NodeId);   // the connection to it ended
  void found(NodeId);  // and is there again
  void leave() { leaving_ = true; }

  Gossip gossip() const;
  std::vector<HealthChange> take_changes();  // in the order in which they came about

  Health health(NodeId) const;
  bool is_usable(NodeId) const;  // alive, and not leaving
  bool is_lonely() const;
  // A later life of this node exists: stop.
  bool is_superseded() const { return superseded_; }

 private:
  struct Peer {
    NodeLife life;
    std::uint32_t age = 0;
    std::uint32_t steady = 0;  // ticks in a row with a good age
    bool heard = false;        // ever
    bool leaving = false;
    std::optional<std::uint32_t> lost_for;  // ticks
    Health health = Health::unknown;
  };

  void judge(NodeId, Peer&, std::uint32_t intervals);
  void become(NodeId, Peer&, Health);

  const DetectorOptions options_;
  const NodeId self_;
  const NodeLife life_;
  std::map<NodeId, Peer> peers_;  // without ourselves
  std::uint32_t listening_;       // ticks left before we judge
  std::uint32_t silence_ = 0;     // ticks since anybody spoke to us
  bool leaving_ = false;
  bool superseded_ = false;
  std::vector<HealthChange> changes_;
};

}  // namespace perdure::control
