#include "engine/control/failure_detector.h"

#include <algorithm>
#include <utility>

namespace perdure::control {
namespace {

std::uint32_t add(std::uint32_t age, std::uint32_t intervals) {
  return intervals > UINT32_MAX - age ? UINT32_MAX : age + intervals;
}

}  // namespace

std::string_view name_of(Health health) {
  switch (health) {
    case Health::unknown: return "unknown";
    case Health::alive: return "alive";
    case Health::suspect: return "suspect";
    case Health::dead: return "dead";
  }
  return "?";
}

FailureDetector::FailureDetector(DetectorOptions options, NodeId self, NodeLife life)
    : options_(options), self_(self), life_(life), listening_(options.listen_first) {}

void FailureDetector::watch(const std::vector<NodeId>& nodes) {
  std::erase_if(peers_, [&](const auto& peer) {
    return std::ranges::find(nodes, peer.first) == nodes.end();
  });
  for (const NodeId node : nodes) {
    if (node != self_) peers_.try_emplace(node);
  }
}

void FailureDetector::tick(std::uint32_t intervals) {
  // Whoever stood still that long has its mail to read first.
  if (intervals > options_.suspect_after) listening_ = options_.listen_first;
  silence_ = add(silence_, intervals);
  for (auto& [node, peer] : peers_) {
    peer.age = add(peer.age, intervals);
    if (peer.lost_for) peer.lost_for = add(*peer.lost_for, intervals);
  }
  if (listening_ > 0) {
    --listening_;
    return;
  }
  for (auto& [node, peer] : peers_) judge(node, peer, intervals);
}

void FailureDetector::judge(NodeId node, Peer& peer, std::uint32_t intervals) {
  const bool lost = peer.lost_for && *peer.lost_for >= options_.lost_after;
  const bool silent = lost || peer.age > options_.suspect_after;
  peer.steady = !silent && peer.heard ? add(peer.steady, intervals) : 0;
  switch (peer.health) {
    case Health::unknown:
      if (peer.heard && !silent) return become(node, peer, Health::alive);
      if (peer.age > options_.dead_after) become(node, peer, Health::dead);
      return;
    case Health::alive:
      if (peer.age > options_.dead_after) return become(node, peer, Health::dead);
      if (silent) become(node, peer, Health::suspect);
      return;
    case Health::suspect:
      if (peer.age > options_.dead_after) return become(node, peer, Health::dead);
      if (peer.steady >= options_.steady_after) become(node, peer, Health::alive);
      return;
    case Health::dead:
      if (peer.steady >= options_.steady_after) become(node, peer, Health::alive);
      return;
  }
}

void FailureDetector::become(NodeId node, Peer& peer, Health health) {
  changes_.push_back({.node = node, .before = peer.health, .after = health});
  peer.health = health;
}

void FailureDetector::hear(const Gossip& gossip) {
  const auto from = peers_.find(gossip.from);
  if (from == peers_.end()) return;  // a stranger, or one that was removed
  silence_ = 0;
  for (const HeardOf& heard : gossip.heard) {
    if (heard.node == self_) {
      superseded_ = superseded_ || heard.life > life_;
      continue;
    }
    const auto found = peers_.find(heard.node);
    if (found == peers_.end()) continue;
    Peer& peer = found->second;
    if (heard.life < peer.life) continue;  // of an earlier life
    const bool newer = heard.life > peer.life;
    if (!newer && peer.heard && heard.age >= peer.age) continue;  // we know better
    peer.life = heard.life;
    peer.age = newer ? heard.age : std::min(peer.age, heard.age);
    peer.leaving = heard.leaving || (peer.leaving && !newer);
    peer.heard = true;
    if (peer.lost_for && heard.age < *peer.lost_for) peer.lost_for.reset();  // it lives on
  }
}

void FailureDetector::lost(NodeId node) {
  const auto peer = peers_.find(node);
  if (peer != peers_.end() && !peer->second.lost_for) peer->second.lost_for = 0;
}

void FailureDetector::found(NodeId node) {
  const auto peer = peers_.find(node);
  if (peer != peers_.end()) peer->second.lost_for.reset();
}

// A lonely node says of the others what it knows, and nothing of itself.
Gossip FailureDetector::gossip() const {
  Gossip gossip{.from = self_};
  if (!is_lonely()) {
    gossip.heard.push_back({.node = self_, .life = life_, .age = 0, .leaving = leaving_});
  }
  for (const auto& [node, peer] : peers_) {
    if (!peer.heard) continue;
    gossip.heard.push_back(
        {.node = node, .life = peer.life, .age = peer.age, .leaving = peer.leaving});
  }
  return gossip;
}

std::vector<HealthChange> FailureDetector::take_changes() { return std::exchange(changes_, {}); }

Health FailureDetector::health(NodeId node) const {
  if (node == self_) return is_lonely() ? Health::suspect : Health::alive;
  const auto found = peers_.find(node);
  return found == peers_.end() ? Health::unknown : found->second.health;
}

bool FailureDetector::is_usable(NodeId node) const {
  if (health(node) != Health::alive) return false;
  if (node == self_) return !leaving_;
  return !peers_.at(node).leaving;
}

bool FailureDetector::is_lonely() const {
  return !peers_.empty() && silence_ > options_.dead_after;
}

}  // namespace perdure::control
