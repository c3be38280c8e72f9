// The driver of a member of the metadata group: pays what Raft owes, in Raft's order.
#include <algorithm>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/control/raft_metadata.h"

namespace perdure::control {
namespace {

constexpr Duration disk_pause = std::chrono::milliseconds(5);

// A message on the wire: the group it is of, then Raft's envelope.
constexpr std::size_t group_bytes = 8;

bool is_nothing(const raft::Effects& effects) {
  return !effects.save && !effects.write && effects.send.empty() && effects.apply.empty() &&
         effects.reads.empty();
}

}  // namespace

// --- what comes in -----------------------------------------------------------------------

void RaftMetadata::receive(NodeId from, std::string_view message) {
  if (failure_) return;
  if (message.size() < group_bytes || get_be<std::uint64_t>(message) != options_.group) {
    needs_.trace.count("raft.messages_of_strangers");
    return;
  }
  const auto envelope = wire::decode<raft::Envelope>(message.substr(group_bytes));
  if (!envelope || envelope->from != from) {
    needs_.trace.count("raft.messages_malformed");
    return;
  }
  raft_.tick(needs_.fibers.now());
  raft_.step(*envelope);
  touch();
}

void RaftMetadata::touch() { work_.notify_all(); }

void RaftMetadata::note_durable() {
  const wal::Position durable = needs_.wal.durable();
  std::optional<raft::WriteNumber> upto;
  while (!written_.empty() && written_.front().at < durable) {
    upto = written_.front().number;
    written_.pop_front();
  }
  if (upto) {
    raft_.tick(needs_.fibers.now());
    raft_.durable(*upto);
  }
  if (compacting_ && compacting_->at && *compacting_->at < durable) {
    raft_.compact(std::move(std::exchange(compacting_, std::nullopt)->snapshot));
  }
  touch();
}

void RaftMetadata::failed(const Error& why) {
  if (!failure_) failure_ = Error{Code::failed, why.detail};
  touch();
  changed_.notify_all();
}

// --- the driver --------------------------------------------------------------------------

void RaftMetadata::drive() {
  while (!failure_ && !group_.cancelled()) {
    raft_.tick(needs_.fibers.now());
    raft::Effects effects = raft_.take_effects();
    tell_role();
    if (is_nothing(effects)) {
      const Result<void> woken = work_.wait(effects.wake);
      if (!woken && woken.error().code == Code::cancelled) return;
      continue;
    }
    if (const Result<void> paid = pay(effects); !paid) {
      if (paid.error().code == Code::cancelled) return;
      needs_.trace.event(io::Level::error, "raft.stopped", {{"why", paid.error().detail}});
      if (!failure_) failure_ = paid.error();
    }
    changed_.notify_all();
  }
}

Result<void> RaftMetadata::pay(raft::Effects& effects) {
  TRY_VOID(write(effects));
  if (!effects.send.empty()) {
    // Also of an earlier turn: no word leaves before the ballot that stands behind it.
    if (ballot_written_) TRY_VOID(needs_.wal.wait_durable(ballot_at_));
    ballot_written_ = false;
    tell_promises(effects.send);
    for (const raft::Envelope& envelope : effects.send) {
      std::string message;
      put_be(message, options_.group);
      wire::encode_to(message, envelope);
      needs_.members.send(envelope.to, std::move(message));
    }
  }
  if (effects.install) {
    MetadataState fresh;
    if (!effects.install->bytes.empty()) TRY_VOID(fresh.apply(effects.install->bytes));
    state_ = std::move(fresh);
    applied_ = effects.install->last;
    bytes_since_snapshot_ = 0;
    settle_up_to(applied_, "a snapshot stands for it");
  }
  for (const raft::Entry& entry : effects.apply) TRY_VOID(apply(entry));
  for (const raft::Read& read : effects.reads) {
    const auto waiting = reads_.find(read.id);
    if (waiting != reads_.end()) waiting->second = read.index;
  }
  compact_if_due();
  return {};
}

// A full segment, a full disk: it passes, and what Raft was told to keep must be kept.
template <class Put>
Result<wal::Position> RaftMetadata::with_patience(Put put) {
  for (;;) {
    Result<wal::Position> done = put();
    const bool passes =
        !done && (done.error().code == Code::retry_later || done.error().code == Code::full);
    if (!passes) return done;
    TRY_VOID(needs_.fibers.sleep_until(needs_.fibers.now() + disk_pause));
  }
}

Result<void> RaftMetadata::write(raft::Effects& effects) {
  if (effects.save) {
    TRY(at, with_patience([&] { return storage_.save(*effects.save); }));
    ballot_at_ = at;
    ballot_written_ = true;
  }
  wal::Position last;
  if (effects.install) {
    compacting_.reset();  // what it would stand for is gone
    TRY(at, with_patience([&] { return storage_.keep(*effects.install); }));
    last = at;
    needs_.trace.event(io::Level::info, "raft.installed", {{"last", effects.install->last.raw()}});
  }
  if (!effects.append.empty()) {
    TRY(at, with_patience([&] { return storage_.append(effects.append_after, effects.append); }));
    last = at;
    tell_entries("raft.appended", effects.append_after, effects.append);
  }
  if (effects.write) written_.push_back({.number = *effects.write, .at = last});
  // It may have become durable while we waited for room.
  if (effects.write && last < needs_.wal.durable()) note_durable();
  return {};
}

// --- the state machine -------------------------------------------------------------------

Result<void> RaftMetadata::apply(const raft::Entry& entry) {
  Result<void> decided;
  if (entry.kind == raft::EntryKind::command) {
    decided = state_.decide(entry.bytes);
    // A kind that we do not know: the others may, so we must not go on without it.
    if (!decided && decided.error().code == Code::corrupt) return decided;
  }
  applied_ = entry.index;
  bytes_since_snapshot_ += entry.bytes.size();
  if (needs_.trace.wants(io::Level::debug)) tell_entries("raft.applied", Term(0), {entry});
  const auto waiting = under_way_.find(entry.index);
  if (waiting == under_way_.end()) return {};
  waiting->second.decided = waiting->second.term == entry.term
                                ? decided
                                : fail(Code::retry_later, "another leader's entry stands there");
  return {};
}

// Whoever waits for these must ask again under the same id.
void RaftMetadata::settle_up_to(Index index, const char* why) {
  for (auto& [at, waiting] : under_way_) {
    if (at <= index && !waiting.decided) waiting.decided = fail(Code::retry_later, why);
  }
}

// Without room for it in the stream it goes on when the driver comes by again.
void RaftMetadata::compact_if_due() {
  const std::size_t due = std::max(options_.snapshot_after_bytes, 2 * state_.bytes());
  if (!compacting_ && bytes_since_snapshot_ >= due && raft_.may_compact()) {
    bytes_since_snapshot_ = 0;
    compacting_ = Compaction{.snapshot = raft_.snapshot_of(state_.snapshot()), .at = std::nullopt};
    tell_size();
  }
  if (!compacting_ || compacting_->at) return;
  const Result<wal::Position> kept = storage_.keep(compacting_->snapshot);
  if (!kept) return;
  compacting_->at = *kept;
  needs_.trace.event(
      io::Level::debug, "raft.compacted",
      {{"last", compacting_->snapshot.last.raw()}, {"bytes", compacting_->snapshot.bytes.size()}});
}

// Early: a state that is full takes no more changes, and shrinks by nothing but changes.
void RaftMetadata::tell_size() {
  const bool large = state_.bytes() * 5 > options_.limits.all_bytes * 4;
  if (large && !told_large_) {
    needs_.trace.event(io::Level::warn, "metadata.large",
                       {{"bytes", state_.bytes()}, {"bytes_max", options_.limits.all_bytes}});
  }
  told_large_ = large;
}

// --- what is told ------------------------------------------------------------------------

void RaftMetadata::tell_role() {
  if (raft_.role() == told_role_ && raft_.term() == told_term_) return;
  const bool was_leader = told_role_ == raft::Role::leader;
  told_role_ = raft_.role();
  told_term_ = raft_.term();
  if (leads()) {
    needs_.trace.event(io::Level::info, "raft.leads",
                       {{"node", options_.self.raw()}, {"term", told_term_.raw()}});
  } else if (was_leader) {
    needs_.trace.event(io::Level::info, "raft.leads_no_more",
                       {{"node", options_.self.raw()}, {"term", told_term_.raw()}});
  }
  changed_.notify_all();
  if (leads() != was_leader && role_changed_) role_changed_();
}

// What leaves now binds us: a crash must not take it back.
void RaftMetadata::tell_promises(const std::vector<raft::Envelope>& sent) {
  if (!needs_.trace.wants(io::Level::debug)) return;
  for (const raft::Envelope& envelope : sent) {
    const auto* const vote = std::get_if<raft::VoteReply>(&envelope.message);
    const auto* const holds = std::get_if<raft::AppendReply>(&envelope.message);
    const bool votes = vote != nullptr && vote->granted && !vote->pre;
    needs_.trace.event(io::Level::debug, "raft.promised",
                       {{"term", envelope.term.raw()},
                        {"vote", votes ? envelope.to.raw() : 0},
                        {"durable", holds != nullptr ? holds->durable.raw() : 0}});
  }
}

void RaftMetadata::tell_entries(const char* event, Term after,
                                const std::vector<raft::Entry>& entries) {
  if (!needs_.trace.wants(io::Level::debug)) return;
  for (const raft::Entry& entry : entries) {
    needs_.trace.event(io::Level::debug, event,
                       {{"index", entry.index.raw()},
                        {"term", entry.term.raw()},
                        {"after", std::exchange(after, entry.term).raw()},
                        {"hash", hash64(entry.bytes, static_cast<std::uint64_t>(entry.kind))}});
  }
}

}  // namespace perdure::control
