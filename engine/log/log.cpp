#include "engine/log/log.h"

#include <algorithm>

#include "engine/base/check.h"

namespace perdure::log {
namespace {

SequencerOptions sequencer_options(const Options& options, const Chain& chain) {
  const Loglet& open = chain.loglets.back();
  return {.loglet = open.id,
          .nodeset = open.nodeset,
          .replication = open.replication,
          .window_records = options.window_records,
          .window_bytes = options.window_bytes};
}

}  // namespace

Log::Log(Parts parts, const Options& options, VersionedChain chain)
    : partition_(parts.partition),
      node_(options.node),
      wal_(parts.wal),
      chains_(parts.chains),
      trace_(parts.trace),
      chain_(std::move(chain)),
      sequencer_(sequencer_options(options, chain_.chain), Offset(1)),
      committed_(chain_.chain.loglets.back().base.prev()),
      next_(chain_.chain.loglets.back().base),
      trim_point_(chain_.chain.trim_point),
      grew_(parts.fibers) {
  const Loglet& first = chain_.chain.loglets.front();
  if (const auto held = wal_.find(first.id); held && held->trim_point > Offset(0)) {
    trim_point_ = std::max(trim_point_, lsn_of(first, held->trim_point));
  }
  wal_.listen(chain_.chain.loglets.back().id, *this);
}

Log::~Log() { wal_.unlisten(chain_.chain.loglets.back().id); }

// --- appending ---

Result<Lsn> Log::append(std::string record, wal::Admission admission) {
  if (ended_) return std::unexpected(*ended_);
  TRY_VOID(wal_.admit(record.size(), admission));
  TRY(offset, sequencer_.submit(std::move(record)));
  const Lsn at = lsn_of(chain_.chain.loglets.back(), offset);
  next_ = at.next();
  pay_effects();
  if (ended_) return std::unexpected(*ended_);
  return at;
}

// What the sequencer asks of this node goes into the Wal.  Room was admitted for before,
// so here it may use all there is.
void Log::pay_effects() {
  const SequencerEffects& effects = sequencer_.take_effects();
  const Loglet& open = chain_.chain.loglets.back();
  for (const Store& store : effects.store) {
    CHECK(store.to == node_);
    for (Offset at = store.first; at <= store.last; at = at.next()) {
      const auto appended = wal_.append({.loglet = open.id,
                                         .offset = at,
                                         .bytes = sequencer_.record(at),
                                         .admission = wal::Admission::reserved});
      if (!appended) return end(appended.error());
    }
  }
  bool grew = false;
  for (const Settled& settled : effects.settled) {
    if (settled.outcome == Outcome::unknown) continue;  // end() tells
    committed_ = lsn_of(open, settled.last);
    grew = true;
  }
  if (!grew) return;
  if (waiting_ > 0) grew_.notify_all();
  // Last: the observer may append, and the effects above are then others.
  if (observer_ != nullptr) observer_->committed(committed_);
}

void Log::durable(LogletId, Offset last) {
  if (ended_) return;
  sequencer_.stored(node_, last);
  pay_effects();
}

void Log::failed(const Error& why) { end(why); }

void Log::end(const Error& why) {
  if (ended_) return;
  ended_ = Error{why.code == Code::fenced ? Code::fenced : Code::failed, why.detail};
  sequencer_.sealed(node_);  // what is in flight is unknown from here on
  trace_.event(io::Level::error, "log.ended",
               {{"partition", partition_.raw()},
                {"committed", committed_.raw()},
                {"tail", next_.raw()},
                {"why", why.detail}});
  grew_.notify_all();
  if (observer_ != nullptr) observer_->ended(*ended_);
}

Result<void> Log::wait_committed(Lsn lsn, Instant deadline) {
  while (committed_ < lsn) {
    if (ended_) return std::unexpected(*ended_);
    ++waiting_;
    auto woken = grew_.wait(deadline);
    --waiting_;
    if (!woken) return woken;
  }
  return {};
}

// --- reading ---

Result<std::vector<Log::Record>> Log::read(Lsn from, std::size_t bytes_max) {
  if (from <= trim_point_) return std::unexpected(trimmed_away(from));
  if (from > committed_) return std::vector<Record>();
  const auto spot = spot_of(chain_.chain, from);
  if (!spot) return std::unexpected(trimmed_away(from));
  const Loglet loglet = chain_.chain.loglets[spot->loglet];  // the chain may change while we park
  const Lsn tail = tail_of(chain_.chain, spot->loglet);
  const Lsn last = tail == Lsn(0) ? committed_ : std::min(committed_, tail.prev());
  auto found = wal_.read(loglet.id, spot->offset, spot->offset + (last - from), bytes_max);
  if (!found) {
    if (found.error().code != Code::not_found) return std::unexpected(found.error());
    if (from <= trim_point_) return std::unexpected(trimmed_away(from));  // while we parked
    return fail(Code::corrupt, "partition " + std::to_string(partition_.raw()) +
                                   " has lost a record: " + found.error().detail);
  }
  std::vector<Record> records;
  records.reserve(found->size());
  for (wal::Record& record : *found) {
    records.emplace_back(lsn_of(loglet, record.offset), std::move(record.bytes));
  }
  return records;
}

Error Log::trimmed_away(Lsn from) const {
  return {Code::not_found, "partition " + std::to_string(partition_.raw()) + ": record " +
                               std::to_string(from.raw()) + " is trimmed, the first is " +
                               std::to_string(trim_point_.raw() + 1)};
}

// --- trimming ---

Result<void> Log::trim(Lsn last) {
  last = std::min(last, committed_);
  trim_point_ = std::max(trim_point_, last);
  TRY_VOID(trim_within(trim_point_));
  return drop_whole_loglets();
}

// In every loglet that begins at or before it, so that space is freed before the chain
// has changed.
Result<void> Log::trim_within(Lsn last) {
  for (std::size_t i = 0; i < chain_.chain.loglets.size(); ++i) {
    const Loglet& loglet = chain_.chain.loglets[i];
    if (loglet.base > last) break;
    const Lsn tail = tail_of(chain_.chain, i);
    const Lsn end = tail == Lsn(0) ? last : std::min(last, tail.prev());
    const Offset point = Offset(1) + (end - loglet.base);
    const auto held = wal_.find(loglet.id);
    if (!held || held->trim_point >= point) continue;
    TRY_VOID(wal_.trim(loglet.id, point));
  }
  return {};
}

// The chain first, durably: a loglet that a chain names must be there.
Result<void> Log::drop_whole_loglets() {
  if (trimming_chain_) return {};  // another fiber is at it
  TRY(after, trimmed(chain_.chain, trim_point_));
  if (after.loglets.size() == chain_.chain.loglets.size()) return {};
  std::vector<LogletId> gone;
  for (const Loglet& loglet : chain_.chain.loglets) {
    if (loglet.id < after.loglets.front().id) gone.push_back(loglet.id);
  }
  trimming_chain_ = true;
  auto versions =
      chains_.swap({{.partition = partition_, .expected_version = chain_.version, .chain = after}});
  trimming_chain_ = false;
  if (!versions) {
    // Whatever became of it, the next trim starts from what the store says.
    auto now = chains_.read({partition_});
    const bool still_ours = now && !now->empty() && !now->front().chain.loglets.empty() &&
                            now->front().chain.loglets.back() == chain_.chain.loglets.back();
    if (still_ours) chain_ = std::move(now->front());
    return std::unexpected(versions.error());
  }
  chain_ = {.version = versions->front(), .chain = std::move(after)};
  for (const LogletId loglet : gone) TRY_VOID(wal_.drop(loglet));
  return {};
}

void Log::check_invariants() const {
  sequencer_.check_invariants();
  CHECK(committed_ < next_);
  CHECK(trim_point_ <= committed_);
  CHECK(check_chain(chain_.chain).has_value());
}

}  // namespace perdure::log
