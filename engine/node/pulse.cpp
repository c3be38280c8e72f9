#include "engine/node/pulse.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/peers.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

struct UsableWords {
  std::vector<NodeId> nodes;
  static constexpr auto fields = std::tuple(wire::field(1, "nodes", &UsableWords::nodes));
};

}  // namespace

Pulse::Pulse(io::World& world, Rpc& rpc, control::NodeLife life, Options options,
             std::function<void()> changed)
    : world_(world),
      rpc_(rpc),
      options_(options),
      changed_(std::move(changed)),
      detector_(options.detector, world.peers.self().node, life),
      watching_(rpc.watch([this](const io::Link& link) {
        if (link.peer.shard != 0) return;
        if (link.now == io::Link::Now::down) return detector_.lost(link.peer.node);
        detector_.found(link.peer.node);
      })),
      work_(world.fibers),
      group_(world.fibers) {
  rpc_.hear(Verb::gossip, [this](const io::Origin& from, std::string_view bytes) {
    const Result<control::Gossip> gossip = wire::decode<control::Gossip>(bytes);
    if (!gossip || gossip->from != from.shard.node) {
      return world_.trace.count("pulse.gossip_malformed");
    }
    detector_.hear(*gossip);
  });
}

Pulse::~Pulse() { rpc_.unwatch(watching_); }

void Pulse::start() {
  look();
  group_.start("pulse", [this] { run(); });
}

void Pulse::stop() { group_.stop(); }

void Pulse::watch(const control::Nodes& nodes) {
  const NodeId self = world_.peers.self().node;
  std::vector<NodeId> all;
  others_.clear();
  for (const control::NodeEntry& node : nodes.nodes) {
    if (node.state == control::NodeState::gone) continue;
    all.push_back(node.id);
    if (node.id != self) others_.push_back(node.id);
  }
  detector_.watch(all);
  work_.notify_all();
}

void Pulse::leave() {
  detector_.leave();
  send();
  look();
}

void Pulse::run() {
  Instant last = world_.clock.steady();
  while (true) {
    if (others_.empty()) {
      if (!work_.wait()) return;
      last = world_.clock.steady();
    }
    if (!world_.fibers.sleep_until(last + options_.tick)) return;
    const Duration passed = world_.clock.steady() - last;
    const auto intervals = std::max<Duration::rep>(1, passed / options_.tick);
    last += intervals * options_.tick;
    detector_.tick(static_cast<std::uint32_t>(std::min<Duration::rep>(intervals, UINT32_MAX)));
    send();
    look();
  }
}

// What does not leave is lost, as gossip may be.
void Pulse::send() {
  const std::string words = wire::encode(detector_.gossip());
  for (const NodeId node : others_) {
    (void)rpc_.tell({.node = node, .shard = 0}, Verb::gossip, words);
  }
}

void Pulse::look() {
  for (const control::HealthChange& change : detector_.take_changes()) {
    world_.trace.event(io::Level::info, "node.health",
                       {{"node", change.node.raw()},
                        {"was", control::name_of(change.before)},
                        {"is", control::name_of(change.after)}});
  }
  std::set<NodeId> now = usable();
  if (now == told_) return;
  told_ = std::move(now);
  const std::string words =
      wire::encode(UsableWords{.nodes = std::vector(told_.begin(), told_.end())});
  for (std::uint32_t shard = 1; shard < world_.peers.shards(); ++shard) {
    (void)rpc_.tell({.node = NodeId(0), .shard = shard}, Verb::usable, words);
  }
  changed_();
}

std::set<NodeId> Pulse::usable() const {
  std::set<NodeId> nodes;
  const NodeId self = world_.peers.self().node;
  if (detector_.is_usable(self)) nodes.insert(self);
  for (const NodeId node : others_) {
    if (detector_.is_usable(node)) nodes.insert(node);
  }
  return nodes;
}

void hear_usable(Rpc& rpc, Usable& usable, std::function<void()> changed) {
  rpc.hear(Verb::usable,
           [&usable, changed = std::move(changed)](const io::Origin& from, std::string_view bytes) {
             const Result<UsableWords> words = wire::decode<UsableWords>(bytes);
             if (from.connection != 0 || !words) return;  // of this process only
             if (usable.tell(std::set(words->nodes.begin(), words->nodes.end()))) changed();
           });
}

}  // namespace perdure::node
