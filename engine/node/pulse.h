// engine/node/pulse.h
//
// Who is alive, as this node sees it: the journey around control::FailureDetector.  Lives on
// shard 0; tells the node's other shards whenever its opinion changes.
//
//     every tick    gossip ──► shard 0 of each other node
//     link to its shard 0 down, up ──► detector
//     gossip heard  ──► detector ─ changes ─► changed(), Verb::usable to the own shards
//
// A node that is alone in its cluster has no ticks.
#pragma once

#include <functional>
#include <set>
#include <string_view>
#include <vector>

#include "engine/control/failure_detector.h"
#include "engine/control/nodes.h"
#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/node/rpc.h"

namespace perdure::node {

// Whom a shard takes for alive.  Until it is told, everybody.
class Usable {
 public:
  bool is(NodeId node) const { return !told_ || nodes_.contains(node); }
  bool tell(std::set<NodeId> nodes) {  // whether that is news
    const bool news = !told_ || nodes != nodes_;
    told_ = true;
    nodes_ = std::move(nodes);
    return news;
  }
  const std::set<NodeId>& nodes() const { return nodes_; }

 private:
  bool told_ = false;
  std::set<NodeId> nodes_;
};

class Pulse {
 public:
  struct Options {
    Duration tick = std::chrono::milliseconds(50);
    control::DetectorOptions detector = {
        .suspect_after = 10, .dead_after = 60, .steady_after = 20, .listen_first = 5};
  };
  // `changed` is called when somebody came or went; it may not park.
  Pulse(io::World& world, Rpc& rpc, control::NodeLife life, Options options,
        std::function<void()> changed);
  ~Pulse();

  void start();
  void stop();  // parks
  // Who there is, ourselves included.
  void watch(const control::Nodes& nodes);
  // Says to the others that this node shuts down, and is to be given nothing more.
  void leave();

  const control::FailureDetector& detector() const { return detector_; }
  std::set<NodeId> usable() const;

 private:
  void run();
  void send();
  void look();

  io::World& world_;
  Rpc& rpc_;
  const Options options_;
  const std::function<void()> changed_;
  control::FailureDetector detector_;
  std::vector<NodeId> others_;
  std::set<NodeId> told_;
  const std::uint64_t watching_;  // links, under that number
  io::Event work_;
  io::Group group_;
};

// Makes this shard hear whom shard 0 takes for alive.
void hear_usable(Rpc&, Usable&, std::function<void()> changed);

}  // namespace perdure::node
