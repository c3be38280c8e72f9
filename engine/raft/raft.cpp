#include "engine/raft/raft.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/match.h"
#include "engine/raft/state.h"

namespace perdure::raft {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::follower: return "follower";
    case Role::pre_candidate: return "pre-candidate";
    case Role::candidate: return "candidate";
    case Role::leader: return "leader";
  }
  return "?";
}

Result<void> check(const Saved& saved) {
  Index last = saved.snapshot ? saved.snapshot->last : Index(0);
  Term term = saved.snapshot ? saved.snapshot->term : Term(0);
  for (const Entry& entry : saved.entries) {
    if (entry.index != last.next()) return fail(Code::corrupt, "the Raft log has a hole");
    if (entry.term < term) return fail(Code::corrupt, "a term in the Raft log goes back");
    if (entry.kind == EntryKind::configuration &&
        !wire::decode<Configuration>(entry.bytes).has_value()) {
      return fail(Code::corrupt, "a configuration in the Raft log cannot be read");
    }
    last = entry.index;
    term = entry.term;
  }
  if (term > saved.ballot.term) {
    return fail(Code::corrupt, "the Raft log is of a later term than the ballot");
  }
  return {};
}

Raft::State::State(const Options& of_host, Saved saved)
    : options(of_host),
      ballot(saved.ballot),
      ballot_saved(saved.ballot),
      log(saved.snapshot ? saved.snapshot->last : Index(0),
          saved.snapshot ? saved.snapshot->term : Term(0),
          saved.snapshot ? saved.snapshot->configuration : Configuration()),
      snapshot(std::move(saved.snapshot)) {
  CHECK(options.election_timeout > options.heartbeat_every);
  CHECK(options.window_messages >= 1);
  for (Entry& entry : saved.entries) log.append(std::move(entry));
  commit = applied = log.base();
  handed = on_disk = log.last();
}

// --- what comes in ---

void Raft::State::step(const Envelope& e) {
  CHECK(ticked);
  if (e.to != options.self || e.from == options.self) return void(++nonsense);
  const auto* const request = std::get_if<VoteRequest>(&e.message);
  // Whoever hears from a leader does not let others disturb him (T4.2.3).
  if (request != nullptr && !request->appointed && is_protected()) return;
  if (e.term < ballot.term) {
    // He learns our term, or a leader of the past would go on for ever.
    if (request != nullptr) send(e.from, VoteReply{.pre = request->pre, .granted = false});
    if (std::holds_alternative<Append>(e.message) ||
        std::holds_alternative<SnapshotPart>(e.message)) {
      send(e.from, AppendReply{.agrees = false});
    }
    return;
  }
  if (e.term > ballot.term) follow(e.term, std::nullopt);
  match(
      e.message, [&](std::monostate) { ++nonsense; },
      [&](const VoteRequest& message) { on(e, message); },
      [&](const VoteReply& message) { on(e, message); },
      [&](const Append& message) { on(e, message); },
      [&](const AppendReply& message) { on(e, message); },
      [&](const SnapshotPart& message) { on(e, message); },
      [&](const SnapshotReply& message) { on(e, message); },
      [&](const LeadNow& message) { on(e, message); });
}

// What a write left on disk may have been cut off since: then it says nothing any more of
// the places behind the cut, even if the same entries come back.
void Raft::State::durable(WriteNumber upto) {
  CHECK(upto <= last_write);
  const Index before = on_disk;
  while (!writes.empty() && writes.front().number <= upto) {
    on_disk = std::max(on_disk, writes.front().last);
    writes.pop_front();
  }
  if (on_disk == before) return;
  if (role == Role::leader) {
    advance_commit();
  } else if (leader) {
    agree();
  }
}

void Raft::State::cut_from(Index index) {
  CHECK(index > commit);
  log.cut_from(index);
  const Index last = index.prev();
  handed = std::min(handed, last);
  on_disk = std::min(on_disk, last);
  for (Write& write : writes) write.last = std::min(write.last, last);
}

// --- what goes out ---

void Raft::State::send(NodeId to, decltype(Envelope::message) message) {
  outbox.push_back(
      {.from = options.self, .to = to, .term = ballot.term, .message = std::move(message)});
}

Effects Raft::State::take_effects() {
  Effects effects;
  if (role == Role::leader) {
    replicate();
    confirm_reads(effects.reads);
  }
  if (ballot != ballot_saved) effects.save = ballot_saved = ballot;
  effects.install = std::exchange(to_install, std::nullopt);
  if (handed < log.last()) {
    effects.append_after = *log.term_of(handed);
    effects.append = log.slice(handed.next(), log.last(), UINT64_MAX);
    handed = log.last();
  }
  if (effects.install || !effects.append.empty()) {
    last_write = last_write.next();
    writes.push_back({.number = last_write, .last = handed});
    effects.write = last_write;
  }
  effects.send = std::exchange(outbox, {});
  if (applied < commit) effects.apply = log.slice(applied.next(), commit, UINT64_MAX);
  applied = commit;
  effects.wake = election_at;
  if (role == Role::leader) effects.wake = peers.empty() ? Instant::max() : heartbeat_at;
  return effects;
}

std::unexpected<Error> Raft::State::not_leader() const {
  return fail(Code::retry_elsewhere, leader && *leader != options.self
                                         ? "the leader is n" + std::to_string(leader->raw())
                                         : std::string("there is no leader known here"));
}

void Raft::State::check_invariants() const {
  log.check_invariants();
  CHECK(applied <= commit);
  CHECK(commit <= log.last());
  CHECK(on_disk <= log.last());
  CHECK(handed <= log.last());
  CHECK(log.base() <= applied);
  IMPLIES(log.base() > Index(0), snapshot.has_value());
  IMPLIES(snapshot.has_value(), log.base() <= snapshot->last);
  CHECK(log.last_term() <= ballot.term);
  IMPLIES(role == Role::leader, leader == options.self);
  IMPLIES(role == Role::leader, ballot.vote == options.self);
  IMPLIES(role != Role::leader, peers.empty());
  for (const auto& [node, peer] : peers) {
    CHECK(peer.match < peer.next);
    CHECK(peer.next <= log.last().next());
    CHECK(peer.in_flight.size() <= options.window_messages);
  }
  std::uint64_t bytes = 0;
  for (Index i = commit.next(); role == Role::leader && i <= log.last(); i = i.next()) {
    bytes += weight(log.at(i));
  }
  IMPLIES(role == Role::leader, bytes == uncommitted_bytes);
}

// --- the face ---

Raft::Raft(const Options& options, Saved saved) {
  CHECK(check(saved).has_value());
  state_ = std::make_unique<State>(options, std::move(saved));
}
Raft::Raft(Raft&&) noexcept = default;
Raft& Raft::operator=(Raft&&) noexcept = default;
Raft::~Raft() = default;

void Raft::tick(Instant now) { state_->tick(now); }
void Raft::step(const Envelope& envelope) { state_->step(envelope); }
void Raft::durable(WriteNumber upto) { state_->durable(upto); }
void Raft::lost(NodeId node) { state_->lost(node); }
Effects Raft::take_effects() { return state_->take_effects(); }

Result<Index> Raft::propose(std::string command) {
  State& s = *state_;
  if (s.role != Role::leader) return s.not_leader();
  if (s.giving_way) return fail(Code::retry_later, "leadership is being given away");
  if (s.uncommitted_bytes > s.options.uncommitted_bytes_max ||
      s.log.bytes() > s.options.log_bytes_max) {
    return fail(Code::retry_later, "too much of the Raft log waits to be committed or compacted");
  }
  s.append_own(EntryKind::command, std::move(command));
  return s.log.last();
}

Result<void> Raft::read(ReadId id) {
  State& s = *state_;
  if (s.role != Role::leader) return s.not_leader();
  if (s.reads_waiting >= s.options.reads_max) return fail(Code::retry_later, "too many reads wait");
  s.unasked.push_back(id);
  ++s.reads_waiting;
  return {};
}

Result<Index> Raft::change(Configuration next) { return state_->change(std::move(next)); }
Result<void> Raft::transfer(NodeId to) { return state_->transfer(to); }
bool Raft::may_compact() const { return state_->may_compact(); }
Snapshot Raft::snapshot_of(std::string state) const {
  const State& s = *state_;
  return {.last = s.applied,
          .term = *s.log.term_of(s.applied),
          .configuration = s.log.configuration_at(s.applied),
          .bytes = std::move(state)};
}
void Raft::compact(Snapshot snapshot) { state_->compact(std::move(snapshot)); }

Role Raft::role() const { return state_->role; }
Term Raft::term() const { return state_->ballot.term; }
std::optional<NodeId> Raft::leader() const { return state_->leader; }
Index Raft::commit() const { return state_->commit; }
Index Raft::last() const { return state_->log.last(); }
Index Raft::durable_last() const { return state_->on_disk; }
std::optional<Term> Raft::term_of(Index index) const { return state_->log.term_of(index); }
const Configuration& Raft::configuration() const { return state_->log.configuration(); }
bool Raft::change_is_open() const { return state_->log.configured_at() > state_->commit; }
Index Raft::match_of(NodeId node) const {
  if (node == state_->options.self) return state_->on_disk;
  const auto found = state_->peers.find(node);
  return found == state_->peers.end() ? Index(0) : found->second.match;
}
bool Raft::settled() const {
  return state_->role == Role::leader && state_->commit >= state_->first_own;
}
std::uint64_t Raft::nonsense() const { return state_->nonsense; }
void Raft::check_invariants() const { state_->check_invariants(); }

}  // namespace perdure::raft
