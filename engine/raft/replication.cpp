// Appending, agreeing, committing, and reads.  §5.3, §5.4.2, T6.4; pipelining T10.2.1.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/raft/state.h"

namespace perdure::raft {

// --- the follower ---

// False when it cannot be the leader of this term.
bool Raft::State::hear_leader(NodeId from) {
  if (role == Role::leader || (leader && *leader != from)) {
    ++nonsense;
    return false;
  }
  if (role != Role::follower || !leader) follow(ballot.term, from);
  heard_at = now;
  put_off_election();
  return true;
}

bool Raft::State::makes_sense(const Envelope& e, const Append& append) const {
  Index last = append.previous;
  Term term = append.previous_term;
  if (term > e.term) return false;
  for (const Entry& entry : append.entries) {
    if (last.raw() == UINT64_MAX || entry.index != last.next()) return false;
    if (entry.term < term || entry.term > e.term) return false;
    if (entry.kind == EntryKind::configuration) {
      const auto configuration = wire::decode<Configuration>(entry.bytes);
      if (!configuration || !checked(*configuration)) return false;
    } else if (entry.kind != EntryKind::command && entry.kind != EntryKind::nothing) {
      return false;
    }
    last = entry.index;
    term = entry.term;
  }
  return true;
}

void Raft::State::on(const Envelope& e, const Append& append) {
  if (!makes_sense(e, append)) return void(++nonsense);
  if (!hear_leader(e.from)) return;
  round_heard = std::max(round_heard, append.round);
  const std::optional<Term> ours = log.term_of(append.previous);
  // What lies before our base is committed, so it is the leader's as well.
  const bool fits = append.previous < log.base() || (ours && *ours == append.previous_term);
  if (!fits) return refuse(e, append.previous);
  if (!take_in(append)) return void(++nonsense);
  const Index agreed = append.previous + append.entries.size();
  matched = std::max(matched, std::min(agreed, log.last()));
  commit_to(std::min(append.commit, matched));
  agree();
}

// Only what contradicts is cut off: a late, shorter message must not undo a longer one.
bool Raft::State::take_in(const Append& append) {
  for (const Entry& entry : append.entries) {
    if (entry.index <= log.base()) continue;
    const std::optional<Term> ours = log.term_of(entry.index);
    if (ours && *ours == entry.term) continue;
    if (ours) {
      if (entry.index <= commit) return false;
      cut_from(entry.index);
    }
    log.append(entry);
  }
  return true;
}

// The leader need not go back one by one: the hint skips what cannot be common (§5.3).
void Raft::State::refuse(const Envelope& e, Index previous) {
  const auto& append = std::get<Append>(e.message);
  const Index hint = log.last_not_above(std::min(previous, log.last()), append.previous_term);
  send(e.from, AppendReply{.agrees = false,
                           .refused = previous,
                           .hint = hint,
                           .hint_term = *log.term_of(hint),
                           .round = round_heard});
}

void Raft::State::agree() {
  send(*leader, AppendReply{.agrees = true,
                            .matched = matched,
                            .durable = std::min(matched, on_disk),
                            .round = round_heard});
}

// --- the leader hears ---

void Raft::State::on(const Envelope& e, const AppendReply& reply) {
  const auto found = peers.find(e.from);
  if (role != Role::leader || found == peers.end()) return;
  if (reply.round > round || reply.matched > log.last() || reply.durable > reply.matched) {
    return void(++nonsense);
  }
  Peer& peer = found->second;
  peer.heard_at = now;
  peer.round = std::max(peer.round, reply.round);
  if (!reply.agrees) return fall_back(peer, reply);
  go_on(peer, reply);
  advance_commit();
  if (role == Role::leader) give_way_if_ready();
}

void Raft::State::fall_back(Peer& peer, const AppendReply& reply) {
  if (reply.refused <= peer.match || peer.mode == Peer::Mode::snapshot) return;  // of old
  if (peer.mode == Peer::Mode::probe && reply.refused != peer.next.prev()) return;
  const Index common = log.last_not_above(reply.hint, reply.hint_term);
  peer.next = std::max(std::min(common.next(), reply.refused), peer.match.next());
  peer.mode = Peer::Mode::probe;
  peer.waits = false;
  peer.in_flight.clear();
  peer.in_flight_bytes = 0;
}

void Raft::State::go_on(Peer& peer, const AppendReply& reply) {
  peer.match = std::max(peer.match, reply.durable);
  while (!peer.in_flight.empty() && peer.in_flight.front().last <= reply.matched) {
    peer.in_flight_bytes -= peer.in_flight.front().bytes;
    peer.in_flight.pop_front();
  }
  const bool knows = peer.mode != Peer::Mode::snapshot || reply.matched >= log.base();
  if (peer.mode != Peer::Mode::pipeline && knows) {
    peer.mode = Peer::Mode::pipeline;
    peer.next = Index(0).next();
  }
  peer.next = std::max({peer.next, reply.matched.next(), peer.match.next()});
}

// --- the leader commits ---

void Raft::State::append_own(EntryKind kind, std::string bytes) {
  Entry entry{
      .term = ballot.term, .index = log.last().next(), .kind = kind, .bytes = std::move(bytes)};
  uncommitted_bytes += weight(entry);
  log.append(std::move(entry));
}

// An entry of an older term that is on a majority may still be overwritten (figure 8): it is
// committed by one of our own term above it, never by counting (§5.4.2).
void Raft::State::advance_commit() {
  std::vector<Index> held;
  for (const NodeId voter : log.configuration().voters) {
    if (voter == options.self) {
      held.push_back(on_disk);
    } else if (const auto peer = peers.find(voter); peer != peers.end()) {
      held.push_back(peer->second.match);
    }
  }
  const std::size_t quorum = log.configuration().voters.size() / 2 + 1;
  if (held.size() < quorum) return;
  std::ranges::sort(held, std::greater());
  const Index on_quorum = held[quorum - 1];
  if (on_quorum > commit && log.term_of(on_quorum) == ballot.term) commit_to(on_quorum);
}

void Raft::State::commit_to(Index index) {
  if (index <= commit) return;
  if (role == Role::leader) {
    for (Index i = commit.next(); i <= index; i = i.next()) {
      uncommitted_bytes -= weight(log.at(i));
    }
  }
  commit = index;
  const bool is_out = !log.configuration().is_voter(options.self);
  if (role == Role::leader && is_out && log.configured_at() <= commit) retire();
}

// --- the leader sends ---

// Called when effects are taken: what a turn gathered goes out together.
void Raft::State::replicate() {
  if (settled_reads_wait()) {
    asked.push_back({.round = ++round, .index = commit, .reads = std::exchange(unasked, {})});
    for (auto& [node, peer] : peers) peer.owed = true;
  }
  for (auto& [node, peer] : peers) send_to(node, peer);
}

bool Raft::State::settled_reads_wait() const { return !unasked.empty() && commit >= first_own; }

void Raft::State::send_to(NodeId node, Peer& peer) {
  if (peer.mode != Peer::Mode::snapshot && !log.term_of(peer.next.prev())) begin_snapshot(peer);
  if (peer.mode == Peer::Mode::snapshot) {
    if (!peer.waits || peer.owed) send_part(node, peer);
    return;
  }
  if (peer.mode == Peer::Mode::probe) {
    if (peer.waits && !peer.owed) return;
    peer.waits = true;
    return send_append(node, peer, log.last());
  }
  while (peer.next <= log.last() && window_is_open(peer)) send_append(node, peer, log.last());
  if (peer.owed || peer.commit_told < commit) send_append(node, peer, peer.next.prev());
}

bool Raft::State::window_is_open(const Peer& peer) const {
  return peer.in_flight.size() < options.window_messages &&
         (peer.in_flight.empty() || peer.in_flight_bytes < options.window_bytes);
}

// Entries from `next` to `last`, as many as one message takes.
void Raft::State::send_append(NodeId node, Peer& peer, Index last) {
  Append append{.previous = peer.next.prev(),
                .previous_term = *log.term_of(peer.next.prev()),
                .entries = log.slice(peer.next, last, options.batch_bytes),
                .commit = commit,
                .round = round};
  peer.owed = false;
  peer.commit_told = commit;
  if (peer.mode == Peer::Mode::pipeline && !append.entries.empty()) {
    std::uint64_t bytes = 0;
    for (const Entry& entry : append.entries) bytes += weight(entry);
    peer.next = append.entries.back().index.next();
    peer.in_flight.push_back({.last = append.entries.back().index, .bytes = bytes});
    peer.in_flight_bytes += bytes;
  }
  send(node, std::move(append));
}

// --- reads ---

// A read may be answered from a state that holds all that was committed when it was asked,
// once a majority has said, after that, that we still lead (T6.4).
void Raft::State::confirm_reads(std::vector<Read>& confirmed) {
  while (!asked.empty()) {
    std::set<NodeId> agreeing = {options.self};
    for (const auto& [node, peer] : peers) {
      if (peer.round >= asked.front().round) agreeing.insert(node);
    }
    if (!is_quorum(agreeing)) return;
    for (const ReadId id : asked.front().reads) {
      confirmed.push_back({.id = id, .index = asked.front().index});
    }
    reads_waiting -= asked.front().reads.size();
    asked.pop_front();
  }
}

}  // namespace perdure::raft
