// Who belongs to the group (T4.1), who leads it by appointment (T3.10), and snapshots for
// those who lag behind the log (§7).
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/raft/state.h"

namespace perdure::raft {

// --- changes ---

// Any majority of the old voters meets any majority of the new ones, because they differ by
// one.  That holds for two neighbours in a row only: so the one before must be committed,
// and so must something of this term, or a change of an earlier leader may still be open
// somewhere without our knowing.
Result<Index> Raft::State::change(Configuration wanted) {
  if (role != Role::leader) return not_leader();
  if (giving_way) return fail(Code::retry_later, "leadership is being given away");
  TRY(next, checked(std::move(wanted)));
  if (log.configured_at() > commit || commit < first_own) {
    return fail(Code::retry_later, "the change before this one is not committed yet");
  }
  const std::vector<NodeId>& voters = log.configuration().voters;
  std::vector<NodeId> different;
  std::ranges::set_symmetric_difference(voters, next.voters, std::back_inserter(different));
  if (different.size() > 1) return fail(Code::invalid, "one voter comes or goes at a time");
  append_own(EntryKind::configuration, wire::encode(next));
  meet_peers();
  advance_commit();
  return log.last();
}

void Raft::State::meet_peers() {
  const Configuration& configuration = log.configuration();
  std::erase_if(peers, [&](const auto& peer) { return !configuration.is_member(peer.first); });
  const auto meet = [&](NodeId node) {
    if (node == options.self) return;
    peers.try_emplace(node, Peer{.match = Index(0),
                                 .next = log.last().next(),
                                 .in_flight = {},
                                 .commit_told = Index(0),
                                 .heard_at = now,
                                 .snapshot_last = Index(0)});
  };
  std::ranges::for_each(configuration.voters, meet);
  std::ranges::for_each(configuration.learners, meet);
}

// We are out, and that is committed: whoever holds most goes on at once (T4.2.2).
void Raft::State::retire() {
  const auto best = std::ranges::max_element(log.configuration().voters, {},
                                             [&](NodeId voter) { return peers.at(voter).match; });
  send(*best, LeadNow());
  follow(ballot.term, std::nullopt);
}

// --- leadership given away ---

Result<void> Raft::State::transfer(NodeId to) {
  if (role != Role::leader) return not_leader();
  if (!log.configuration().is_voter(to)) return fail(Code::invalid, "it has no vote in the group");
  if (to == options.self) return {};
  giving_way = Transfer{.to = to, .until = now + options.election_timeout};
  give_way_if_ready();
  return {};
}

// It must hold all that we do, or nobody would vote for it.
void Raft::State::give_way_if_ready() {
  if (!giving_way || giving_way->told) return;
  const auto peer = peers.find(giving_way->to);
  if (peer == peers.end() || peer->second.match < log.last()) return;
  giving_way->told = true;
  send(giving_way->to, LeadNow());
}

void Raft::State::on(const Envelope& e, const LeadNow&) {
  if (role == Role::leader || leader != e.from) return;
  if (log.configuration().is_voter(options.self)) campaign(true);
}

// --- snapshots, the leader's side ---

void Raft::State::begin_snapshot(Peer& peer) {
  CHECK(snapshot.has_value());  // else the log would reach back to its beginning
  peer.mode = Peer::Mode::snapshot;
  peer.waits = false;
  peer.in_flight.clear();
  peer.in_flight_bytes = 0;
  peer.snapshot_last = snapshot->last;
  peer.snapshot_at = 0;
}

void Raft::State::send_part(NodeId node, Peer& peer) {
  if (peer.snapshot_last != snapshot->last) begin_snapshot(peer);  // a newer one: from its start
  peer.waits = true;
  peer.owed = false;
  send(node, SnapshotPart{.part = {.last = snapshot->last,
                                   .term = snapshot->term,
                                   .configuration = snapshot->configuration,
                                   .bytes = snapshot->bytes.substr(peer.snapshot_at,
                                                                   options.snapshot_part_bytes)},
                          .at = peer.snapshot_at,
                          .size = snapshot->bytes.size()});
}

void Raft::State::on(const Envelope& e, const SnapshotReply& reply) {
  const auto found = peers.find(e.from);
  if (role != Role::leader || found == peers.end()) return;
  Peer& peer = found->second;
  peer.heard_at = now;
  if (peer.mode != Peer::Mode::snapshot || reply.last != peer.snapshot_last) return;
  if (reply.last != snapshot->last) return;  // it will be sent the newer one
  if (reply.bytes > snapshot->bytes.size()) return void(++nonsense);
  peer.snapshot_at = reply.bytes;
  // With all of it there, it speaks next when it is on its disk; a heartbeat asks again.
  peer.waits = peer.snapshot_at == snapshot->bytes.size();
}

bool Raft::State::may_compact() const {
  return std::ranges::none_of(peers, [&](const auto& peer) {
    return peer.second.mode == Peer::Mode::snapshot &&
           now - peer.second.heard_at < options.election_timeout;
  });
}

void Raft::State::compact(Snapshot taken) {
  CHECK(taken.last <= applied);
  if (snapshot && taken.last <= snapshot->last) return;
  const Index last = taken.last;
  on_disk = std::max(on_disk, last);  // it stands for all before it
  snapshot = std::move(taken);
  const std::uint64_t behind =
      last.raw() > options.entries_kept ? options.entries_kept : last.raw();
  log.forget_to(std::max(log.base(), Index(last.raw() - behind)));
  while (log.base() < last && log.bytes() > options.log_bytes_max / 4) {
    log.forget_to(log.base().next());
  }
}

// --- snapshots, the follower's side ---

void Raft::State::on(const Envelope& e, const SnapshotPart& message) {
  const Snapshot& part = message.part;
  const bool sensible = part.last > Index(0) && part.term <= e.term &&
                        message.size <= options.snapshot_bytes_max && message.at <= message.size &&
                        part.bytes.size() <= message.size - message.at;
  if (!sensible) return void(++nonsense);
  if (!hear_leader(e.from)) return;
  if (part.last <= commit || log.term_of(part.last) == part.term) {
    incoming.reset();  // we have what it stands for
    matched = std::max({matched, part.last, std::min(commit, log.last())});
    commit_to(part.last);
    return agree();
  }
  const bool goes_on =
      incoming && incoming->part.last == part.last && incoming->size == message.size;
  if (!goes_on) {
    incoming = message;
    incoming->part.bytes.clear();
  }
  if (message.at == incoming->part.bytes.size()) incoming->part.bytes += part.bytes;
  send(e.from, SnapshotReply{.last = part.last, .bytes = incoming->part.bytes.size()});
  if (incoming->part.bytes.size() == message.size) {
    install(std::move(std::exchange(incoming, std::nullopt)->part));
  }
}

void Raft::State::install(Snapshot received) {
  log = Log(received.last, received.term, received.configuration);
  commit = applied = handed = matched = received.last;
  on_disk = Index(0);  // until this is on disk as well, we hold nothing for certain
  for (Write& write : writes) write.last = Index(0);
  snapshot = received;
  to_install = std::move(received);
}

}  // namespace perdure::raft
