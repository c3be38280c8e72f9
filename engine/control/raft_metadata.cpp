#include "engine/control/raft_metadata.h"

#include <algorithm>
#include <utility>

#include "engine/base/match.h"

namespace perdure::control {
namespace {

raft::Options raft_options(const RaftMetadataOptions& options, io::Random& random) {
  raft::Options raft = options.raft;
  raft.self = options.self;
  raft.seed = random.draw("raft.chance");
  return raft;
}

MetadataState state_of(const raft::Saved& saved) {
  MetadataState state;
  if (saved.snapshot && !saved.snapshot->bytes.empty()) {
    const Result<void> applied = state.apply(saved.snapshot->bytes);
    CHECK(applied.has_value());  // open() has tried
  }
  return state;
}

}  // namespace

Result<std::unique_ptr<RaftMetadata>> RaftMetadata::open(const Needs& needs,
                                                         RaftMetadataOptions options) {
  RaftStorage storage(needs.wal);
  TRY(found, storage.load());
  raft::Saved saved = found ? std::move(*found) : raft::Saved();
  if (!found && !options.first_members.voters.empty()) {
    // Who began the group stands on disk before any vote does.
    TRY(members, raft::checked(options.first_members));
    saved.snapshot = raft::Snapshot{.configuration = std::move(members)};
    TRY_VOID(storage.keep(*saved.snapshot));
  }
  if (saved.snapshot && !saved.snapshot->bytes.empty()) {
    MetadataState trial;
    TRY_VOID(trial.apply(saved.snapshot->bytes));
  }
  const std::uint64_t saved_vote = saved.ballot.vote ? saved.ballot.vote->raw() : 0;
  const Term saved_term = saved.ballot.term;  // a group of one is in the next one at once
  std::unique_ptr<RaftMetadata> opened(
      new RaftMetadata(needs, std::move(options), std::move(saved), std::move(storage)));
  needs.trace.event(io::Level::info, "raft.restored",
                    {{"term", saved_term.raw()},
                     {"vote", saved_vote},
                     {"last", opened->raft_.last().raw()},
                     {"snapshot", opened->applied_.raw()}});
  return opened;
}

RaftMetadata::RaftMetadata(const Needs& needs, RaftMetadataOptions options, raft::Saved saved,
                           RaftStorage storage)
    : needs_(needs),
      options_(std::move(options)),
      storage_(std::move(storage)),
      raft_(raft_options(options_, needs.random), saved),
      state_(state_of(saved)),
      applied_(saved.snapshot ? saved.snapshot->last : Index(0)),
      everybody_(*this),
      client_(needs.fibers, everybody_, [this] { return raft_.configuration().voters; }),
      work_(needs.fibers),
      changed_(needs.fibers),
      group_(needs.fibers) {
  for (const LogletId loglet :
       {storage_.loglets().entries, storage_.loglets().ballots, storage_.loglets().snapshots}) {
    needs_.wal.listen(loglet, *this);
  }
  raft_.tick(needs_.fibers.now());
  group_.start("raft.driver", [this] { drive(); });
}

RaftMetadata::~RaftMetadata() {
  for (const LogletId loglet :
       {storage_.loglets().entries, storage_.loglets().ballots, storage_.loglets().snapshots}) {
    needs_.wal.unlisten(loglet);
  }
}

void RaftMetadata::stop() { group_.stop(); }

// --- the calls of Metadata ---------------------------------------------------------------

Result<Versioned> RaftMetadata::get(std::string_view key, Instant deadline) {
  if (leads()) {
    Result<Versioned> found = lead_get(key, deadline);
    if (found || found.error().code != Code::retry_elsewhere) return found;
  }
  return client_.get(key, deadline);
}

Result<void> RaftMetadata::compare_and_set(Proposal proposal, Instant deadline) {
  if (leads()) {
    const Result<void> done = lead_swap(proposal, deadline);
    const bool elsewhere = !done && (done.error().code == Code::retry_elsewhere ||
                                     done.error().code == Code::retry_later);
    if (!elsewhere) return done;
  }
  return client_.compare_and_set(std::move(proposal), deadline);
}

Result<Versioned> RaftMetadata::wait_newer(std::string_view key, std::uint64_t seen,
                                           Instant deadline) {
  return watch(key, seen, deadline);
}

Result<void> RaftMetadata::act(GroupAct act, NodeId node, Instant deadline) {
  return client_.act(act, node, deadline);
}

void RaftMetadata::lost(NodeId member) {
  raft_.tick(needs_.fibers.now());
  raft_.lost(member);
  touch();
}

// --- the questions of others -------------------------------------------------------------

Result<std::string> RaftMetadata::serve(std::string_view bytes) {
  TRY(question, wire::decode<MetadataQuestion>(bytes));
  return answer(question, needs_.fibers.now() + options_.serve_patience);
}

Result<std::string> RaftMetadata::answer(const MetadataQuestion& question, Instant deadline) {
  const auto nothing = [](Result<void> done) -> Result<std::string> {
    if (!done) return std::unexpected(done.error());
    return std::string();
  };
  const auto object = [](Result<Versioned> found) -> Result<std::string> {
    if (!found) return std::unexpected(found.error());
    return answer_of(std::move(*found));
  };
  return match(
      question.is,
      [](std::monostate) -> Result<std::string> {
        return fail(Code::invalid, "a question of a kind that is not known here");
      },
      [&](const GetWords& get) { return object(lead_get(get.key, deadline)); },
      [&](const WatchWords& wanted) { return object(watch(wanted.key, wanted.seen, deadline)); },
      [&](const SwapWords& swap) { return nothing(lead_swap(proposal_of(swap), deadline)); },
      [&](const ActWords& act) { return nothing(lead_act(act, deadline)); });
}

void RaftMetadata::Everybody::send(NodeId to, std::string message) {
  here_.needs_.members.send(to, std::move(message));
}

Result<std::string> RaftMetadata::Everybody::ask(NodeId to, std::string_view question,
                                                 Instant deadline) {
  if (to != here_.options_.self) return here_.needs_.members.ask(to, question, deadline);
  TRY(decoded, wire::decode<MetadataQuestion>(question));
  return here_.answer(decoded, deadline);
}

// --- as leader ---------------------------------------------------------------------------

Result<Versioned> RaftMetadata::watch(std::string_view key, std::uint64_t seen, Instant deadline) {
  for (;;) {
    Versioned now = state_.get(key);
    if (now.version > seen) return now;
    if (failure_) return std::unexpected(*failure_);
    TRY_VOID(changed_.wait(deadline));
  }
}

Result<Versioned> RaftMetadata::lead_get(std::string_view key, Instant deadline) {
  if (failure_) return std::unexpected(*failure_);
  const Term term = raft_.term();
  const raft::ReadId id(next_read_++);
  if (!leads()) return not_the_leader(raft_.leader());
  TRY_VOID(raft_.read(id));
  reads_[id] = std::nullopt;
  touch();
  const auto confirmed = [&]() -> Result<void> {
    for (;;) {
      const std::optional<Index>& from = reads_.at(id);
      if (from && applied_ >= *from) return {};
      if (failure_) return std::unexpected(*failure_);
      if (!from && raft_.term() != term) return not_the_leader(raft_.leader());
      if (!from && !leads()) return not_the_leader(raft_.leader());
      TRY_VOID(changed_.wait(deadline));
    }
  }();
  reads_.erase(id);
  TRY_VOID(confirmed);
  return state_.get(key);
}

Result<void> RaftMetadata::lead_swap(const Proposal& proposal, Instant deadline) {
  if (failure_) return std::unexpected(*failure_);
  if (!leads()) return not_the_leader(raft_.leader());
  // What is refused here would be refused, or is answered already, wherever it stood in the
  // log: versions only grow.  A version that is not there yet may be on its way.
  const Result<MetadataState::Verdict> early = state_.check(proposal, options_.limits);
  if (early && *early == MetadataState::Verdict::happened) return {};
  if (!early) {
    const bool hopeless = std::ranges::any_of(proposal.writes, [&](const Write& write) {
      return state_.get(write.key).version > write.expected;
    });
    if (early.error().code != Code::conflict || hopeless) return std::unexpected(early.error());
  }
  std::string entry = MetadataState::entry_of(proposal);
  if (entry.size() > storage_.command_bytes_max()) {
    return fail(Code::invalid, "a proposal of " + std::to_string(entry.size()) +
                                   " bytes, at most " +
                                   std::to_string(storage_.command_bytes_max()) + " are taken");
  }
  const Term term = raft_.term();
  TRY(index, raft_.propose(std::move(entry)));
  under_way_[index] = {.term = term, .decided = std::nullopt};
  touch();
  Result<void> end = [&]() -> Result<void> {
    for (;;) {
      if (const auto& decided = under_way_.at(index).decided) return *decided;
      if (failure_) return std::unexpected(*failure_);
      if (raft_.term() != term) return not_the_leader(raft_.leader());
      TRY_VOID(changed_.wait(deadline));
    }
  }();
  under_way_.erase(index);
  return end;
}

// Error: retry_elsewhere when leadership went before it was applied.
Result<void> RaftMetadata::wait_applied(Index index, Term term, Instant deadline) {
  while (applied_ < index) {
    if (failure_) return std::unexpected(*failure_);
    if (raft_.term() != term) return not_the_leader(raft_.leader());
    TRY_VOID(changed_.wait(deadline));
  }
  return {};
}

}  // namespace perdure::control
