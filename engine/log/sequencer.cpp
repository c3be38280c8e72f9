#include "engine/log/sequencer.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace perdure::log {

Sequencer::Sequencer(SequencerOptions options, Offset first)
    : options_(std::move(options)), committed_(first.prev()), next_(first) {
  CHECK(options_.window_records >= 1);
  CHECK(check_nodeset(options_.nodeset, options_.replication).has_value());
  for (const Member& member : options_.nodeset) {
    peers_.push_back(
        {.node = member.node, .next_to_send = first, .sent = committed_, .stored = committed_});
  }
  Nodes all;
  for (const Peer& peer : peers_) all.push_back(peer.node);
  for (const NodeId node : choose_copyset(options_.nodeset, options_.replication, all)) {
    join(*find(node));
  }
}

Result<Offset> Sequencer::submit(std::string record) {
  if (sealed_) {
    return fail(Code::fenced, "loglet " + std::to_string(options_.loglet.raw()) + " is sealed");
  }
  if (in_flight_.size() >= options_.window_records) {
    return fail(Code::retry_later,
                "window of " + std::to_string(options_.window_records) + " records is full");
  }
  if (!in_flight_.empty() && in_flight_bytes_ + record.size() > options_.window_bytes) {
    return fail(Code::retry_later,
                "window of " + std::to_string(options_.window_bytes) + " bytes is full");
  }
  in_flight_bytes_ += record.size();
  in_flight_.push_back(std::move(record));
  return std::exchange(next_, next_.next());
}

void Sequencer::stored(NodeId by, Offset last) {
  Peer* const peer = find(by);
  if (sealed_ || peer == nullptr) return;
  if (last > peer->sent || last <= peer->stored) return;  // never sent, or known
  peer->stored = last;
  advance();
}

void Sequencer::sealed(NodeId by) {
  if (sealed_ || find(by) == nullptr) return;
  sealed_ = true;
  if (!in_flight_.empty()) settle(next_.prev(), Outcome::unknown);
}

void Sequencer::lost(NodeId node) {
  if (Peer* const peer = find(node)) peer->reachable = false;
}

void Sequencer::found(NodeId node) {
  Peer* const peer = find(node);
  if (peer == nullptr || peer->reachable) return;
  peer->reachable = true;
  if (peer->in_copyset) join(*peer);
}

void Sequencer::rewind(NodeId node) {
  Peer* const peer = find(node);
  if (peer != nullptr && peer->in_copyset) join(*peer);
}

bool Sequencer::hedge(NodeId slow) {
  Peer* const from = find(slow);
  if (sealed_ || from == nullptr || !from->in_copyset) return false;
  for (Peer& spare : peers_) {
    if (spare.in_copyset || !spare.reachable) continue;
    Nodes with = copyset();
    std::ranges::replace(with, slow, spare.node);
    if (!is_write_quorum(options_.nodeset, options_.replication, with)) continue;
    join(spare);
    // It stays able to acknowledge what it was sent, but gets nothing new.
    from->in_copyset = false;
    return true;
  }
  return false;
}

// All that is in flight and not surely there, in order.
void Sequencer::join(Peer& peer) {
  peer.in_copyset = true;
  peer.next_to_send = std::max(committed_, peer.stored).next();
}

// A peer's records are contiguous from an offset that was committed when it joined, so it
// holds an uncommitted offset exactly when `stored` has reached it.
void Sequencer::advance() {
  Offset best = committed_;
  const bool alone = peers_.size() == 1;  // and then it is a quorum: the common case, and cheap
  if (alone) best = std::max(best, peers_.front().stored);
  for (const Peer& candidate : peers_) {
    if (candidate.stored <= best) continue;
    Nodes holders;
    for (const Peer& peer : peers_) {
      if (peer.stored >= candidate.stored) holders.push_back(peer.node);
    }
    if (is_write_quorum(options_.nodeset, options_.replication, holders)) best = candidate.stored;
  }
  if (best == committed_) return;
  settle(best, Outcome::committed);
  committed_ = best;
}

void Sequencer::settle(Offset last, Outcome outcome) {
  gathering_.settled.push_back({.first = committed_.next(), .last = last, .outcome = outcome});
  for (std::uint64_t n = last - committed_; n > 0; --n) {
    in_flight_bytes_ -= in_flight_.front().size();
    in_flight_.pop_front();
  }
}

const SequencerEffects& Sequencer::take_effects() {
  for (Peer& peer : peers_) gather(peer);
  return hand_over();
}

const SequencerEffects& Sequencer::take_effects_of(NodeId node) {
  if (Peer* const peer = find(node)) gather(*peer);
  return hand_over();
}

// What this peer lacks; what is committed meanwhile it needs not have.
void Sequencer::gather(Peer& peer) {
  if (!owes(peer.node)) return;
  gathering_.store.push_back({.to = peer.node, .first = next_for(peer), .last = next_.prev()});
  peer.next_to_send = next_;
  peer.sent = next_.prev();
}

Offset Sequencer::next_for(const Peer& peer) const {
  return std::max({peer.next_to_send, peer.stored.next(), committed_.next()});
}

const SequencerEffects& Sequencer::hand_over() {
  std::swap(taken_, gathering_);
  gathering_.store.clear();
  gathering_.settled.clear();
  return taken_;
}

bool Sequencer::owes(NodeId node) const {
  const Peer* const peer = find(node);
  return peer != nullptr && !sealed_ && peer->in_copyset && peer->reachable &&
         next_for(*peer) < next_;
}

bool Sequencer::awaits(NodeId node) const {
  const Peer* const peer = find(node);
  return peer != nullptr && !sealed_ && peer->in_copyset && peer->reachable &&
         std::max(peer->stored, committed_).next() < peer->next_to_send;
}

Offset Sequencer::stored_by(NodeId node) const {
  const Peer* const peer = find(node);
  return peer == nullptr ? Offset(0) : peer->stored;
}

bool Sequencer::can_commit() const {
  Nodes reachable;
  for (const Peer& peer : peers_) {
    if (peer.reachable) reachable.push_back(peer.node);
  }
  return is_write_quorum(options_.nodeset, options_.replication, reachable);
}

std::string_view Sequencer::record(Offset at) const {
  CHECK(at > committed_);
  return in_flight_[at - committed_ - 1];
}

Nodes Sequencer::copyset() const {
  Nodes nodes;
  for (const Peer& peer : peers_) {
    if (peer.in_copyset) nodes.push_back(peer.node);
  }
  return nodes;
}

Sequencer::Peer* Sequencer::find(NodeId node) {
  const auto found = std::ranges::find(peers_, node, &Peer::node);
  return found == peers_.end() ? nullptr : &*found;
}

const Sequencer::Peer* Sequencer::find(NodeId node) const {
  const auto found = std::ranges::find(peers_, node, &Peer::node);
  return found == peers_.end() ? nullptr : &*found;
}

void Sequencer::check_invariants() const {
  CHECK(committed_ < next_);
  CHECK(in_flight_.size() <= options_.window_records);
  IMPLIES(sealed_, in_flight_.empty());
  IMPLIES(!sealed_, in_flight_.size() == next_ - committed_ - 1);
  Nodes holders;
  for (const Peer& peer : peers_) {
    CHECK(peer.stored < next_);
    if (peer.stored >= committed_) holders.push_back(peer.node);
  }
  CHECK(is_write_quorum(options_.nodeset, options_.replication, holders));
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < in_flight_.size(); ++i) bytes += in_flight_[i].size();
  CHECK(bytes == in_flight_bytes_);
}

}  // namespace perdure::log
