// Timers, votes and terms.  §5.2; pre-vote T9.6; leases against disturbers T4.2.3.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/raft/state.h"

namespace perdure::raft {
namespace {

// The n-th draw of a seed (splitmix64).
std::uint64_t draw(std::uint64_t seed, std::uint64_t n) {
  std::uint64_t z = seed + n * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

void Raft::State::tick(Instant at) {
  now = std::max(now, at);
  if (!ticked) {
    ticked = true;
    put_off_election();
    if (is_sole_voter()) return campaign(false);  // nobody else could be asked
  }
  if (role == Role::leader) return lead_on();
  if (now < election_at) return;
  if (log.configuration().is_voter(options.self)) return ask_before_campaign();
  put_off_election();
}

// By chance, or two that wake together would split the votes again and again (§5.2).
void Raft::State::put_off_election() {
  const auto least = static_cast<std::uint64_t>(options.election_timeout.count());
  election_at =
      now + Duration(static_cast<Duration::rep>(least + draw(options.seed, ++draws) % least));
}

// Soon, and one after the other: all hear of it at once, and two that ask together split the
// votes.  A pre-vote is all that it costs if the leader is well (T9.6).
void Raft::State::lost(NodeId node) {
  if (role != Role::follower || leader != node) return;
  heard_at = now - options.election_timeout;
  const auto& voters = log.configuration().voters;
  const auto before_us = std::ranges::count_if(
      voters, [&](NodeId voter) { return voter != node && voter < options.self; });
  const Duration turn = options.election_timeout / 8;
  const Duration chance(static_cast<Duration::rep>(
      draw(options.seed, ++draws) % static_cast<std::uint64_t>(turn.count() / 4 + 1)));
  election_at = std::min(election_at, now + turn * before_us + turn / 4 + chance);
}

bool Raft::State::is_quorum(const std::set<NodeId>& nodes) const {
  const auto& voters = log.configuration().voters;
  const auto in = std::ranges::count_if(voters, [&](NodeId n) { return nodes.contains(n); });
  return static_cast<std::size_t>(in) >= voters.size() / 2 + 1;
}

bool Raft::State::is_sole_voter() const {
  return log.configuration().voters == std::vector<NodeId>{options.self};
}

// We lead, or heard a leader so lately that nobody else may have timed out by right.
bool Raft::State::is_protected() const {
  if (role == Role::leader) return true;
  return leader && *leader != options.self && now - heard_at < options.election_timeout;
}

// --- becoming something ---

// The term stays: who is cut off and comes back has disturbed nobody (T9.6).
void Raft::State::ask_before_campaign() {
  role = Role::pre_candidate;
  leader.reset();
  votes = {options.self};
  put_off_election();
  if (is_quorum(votes)) return campaign(false);
  request_votes(true, false);
}

void Raft::State::campaign(bool appointed) {
  follow(ballot.term.next(), std::nullopt);
  ballot.vote = options.self;
  role = Role::candidate;
  votes = {options.self};
  put_off_election();
  if (is_quorum(votes)) return lead();
  request_votes(false, appointed);
}

void Raft::State::request_votes(bool pre, bool appointed) {
  for (const NodeId voter : log.configuration().voters) {
    if (voter == options.self) continue;
    send(voter,
         VoteRequest{
             .pre = pre, .appointed = appointed, .last = log.last(), .last_term = log.last_term()});
  }
}

void Raft::State::lead() {
  role = Role::leader;
  leader = options.self;
  votes.clear();
  heartbeat_at = now + options.heartbeat_every;
  uncommitted_bytes = 0;
  for (Index i = commit.next(); i <= log.last(); i = i.next()) {
    uncommitted_bytes += weight(log.at(i));
  }
  meet_peers();
  append_own(EntryKind::nothing, {});
  first_own = log.last();
}

void Raft::State::follow(Term term, std::optional<NodeId> of) {
  CHECK(term >= ballot.term);
  if (term > ballot.term) {
    ballot = {.term = term, .vote = std::nullopt};
    matched = Index(0);
    round_heard = 0;
    incoming.reset();
  }
  if (role == Role::leader) put_off_election();
  role = Role::follower;
  leader = of;
  votes.clear();
  peers.clear();
  unasked.clear();
  asked.clear();
  reads_waiting = 0;
  giving_way.reset();
}

// --- leading on ---

void Raft::State::lead_on() {
  if (giving_way && now >= giving_way->until) giving_way.reset();
  if (!hears_a_quorum()) return follow(ballot.term, std::nullopt);
  if (now < heartbeat_at) return;
  heartbeat_at = now + options.heartbeat_every;
  for (auto& [node, peer] : peers) peer.owed = true, peer.waits = false;
}

// A leader cut off from the majority ends by itself, so that its clients look elsewhere (T6.2).
bool Raft::State::hears_a_quorum() const {
  std::set<NodeId> heard = {options.self};
  for (const auto& [node, peer] : peers) {
    if (now - peer.heard_at < options.election_timeout) heard.insert(node);
  }
  return is_quorum(heard);
}

// --- votes ---

void Raft::State::on(const Envelope& e, const VoteRequest& request) {
  const bool up_to_date = request.last_term > log.last_term() ||
                          (request.last_term == log.last_term() && request.last >= log.last());
  if (request.pre) {
    const bool granted = up_to_date && role != Role::leader;
    return send(e.from, VoteReply{.pre = true, .granted = granted});
  }
  const bool free = !ballot.vote || *ballot.vote == e.from;
  if (up_to_date && free) {
    ballot.vote = e.from;
    role = Role::follower;
    put_off_election();
  }
  send(e.from, VoteReply{.pre = false, .granted = up_to_date && free});
}

void Raft::State::on(const Envelope& e, const VoteReply& reply) {
  const Role asking = reply.pre ? Role::pre_candidate : Role::candidate;
  if (role != asking || !reply.granted) return;
  votes.insert(e.from);
  if (!is_quorum(votes)) return;
  if (reply.pre) return campaign(false);
  lead();
}

}  // namespace perdure::raft
