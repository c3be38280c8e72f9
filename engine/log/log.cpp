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
      store_(parts.store),
      wal_(parts.store.wal()),
      chains_(parts.chains),
      fibers_(parts.fibers),
      trace_(parts.trace),
      reach_{.self = options.node,
             .here = &parts.store,
             .servers = parts.cluster == nullptr ? nullptr : &parts.cluster->servers,
             .fibers = parts.fibers},
      chain_(std::move(chain)),
      sequencer_(sequencer_options(options, chain_.chain), Offset(1)),
      committed_(open().base.prev()),
      next_(open().base),
      trim_point_(chain_.chain.trim_point),
      grew_(parts.fibers),
      group_(parts.fibers) {
  const Loglet& first = chain_.chain.loglets.front();
  if (const auto held = wal_.find(first.id); held && held->trim_point > Offset(0)) {
    trim_point_ = std::max(trim_point_, lsn_of(first, held->trim_point));
  }
  trim_point_ = std::min(trim_point_, committed_);
  copies_here_ = std::ranges::find(open().nodeset, node_, &Member::node) != open().nodeset.end();
  store_.watch(open().id, {.node = node_, .incarnation = options.incarnation}, *this);
  // Sealed, or even replaced, since the chain was extended and before we knew that it was.
  const Copy copy = store_.copy(open().id);
  if (copy.sealed || copy.replaced) sealed(open().id);
  if (open().nodeset.size() == 1 && copies_here_) return;
  CHECK(parts.cluster != nullptr);
  replicator_ =
      std::make_unique<Replicator>(Replicator::Parts{.log = *this,
                                                     .sequencer = sequencer_,
                                                     .loglet = open(),
                                                     .self = node_,
                                                     .servers = parts.cluster->servers,
                                                     .server = parts.cluster->server,
                                                     .fibers = fibers_,
                                                     .trace = trace_,
                                                     .stall_timeout = options.stall_timeout});
  replicator_->start();
  group_.start("log.chain_watch", [this] { watch_chain(); });
}

Log::~Log() { store_.unwatch(open().id, *this); }

void Log::stop() {
  if (replicator_) replicator_->stop();
  group_.stop();
}

// --- appending ---

Result<Lsn> Log::append(std::string record, wal::Admission admission) {
  if (ended_) return std::unexpected(*ended_);
  if (draining_) return fail(Code::retry_later, "the log is about to be opened anew");
  TRY_VOID(wal_.admit(record.size(), admission));
  TRY(offset, sequencer_.submit(std::move(record)));
  const Lsn at = lsn_of(open(), offset);
  next_ = at.next();
  trace_.event(io::Level::debug, "log.appended",
               {{"partition", partition_.raw()}, {"lsn", at.raw()}});
  pay(sequencer_.take_effects_of(node_));
  if (replicator_) replicator_->work();
  if (ended_) return std::unexpected(*ended_);
  return at;
}

void Log::pay_effects() { pay(sequencer_.take_effects()); }

void Log::pay(const SequencerEffects& effects) {
  for (const Store& store : effects.store) {
    if (store.to != node_) {
      replicator_->send(store);
      continue;
    }
    if (auto stored = store_here(store); !stored) return end(stored.error());
  }
  bool grew = false;
  for (const Settled& settled : effects.settled) {
    if (settled.outcome == Outcome::unknown) continue;  // end() tells
    committed_ = lsn_of(open(), settled.last);
    grew = true;
  }
  if (!grew) return;
  trace_.event(io::Level::debug, "log.committed",
               {{"partition", partition_.raw()}, {"lsn", committed_.raw()}});
  if (reach_.servers != nullptr) store_.committed(open().id, sequencer_.committed());
  if (waiting_ > 0) grew_.notify_all();
  // Last: the observer may append, and the effects above are then others.
  if (observer_ != nullptr) observer_->committed(committed_);
}

// Room was admitted for before, so here it may use all there is.
Result<void> Log::store_here(const Store& store) {
  for (Offset at = store.first; at <= store.last; at = at.next()) {
    TRY_VOID(wal_.append({.loglet = open().id,
                          .offset = at,
                          .bytes = sequencer_.record(at),
                          .admission = wal::Admission::reserved}));
  }
  return {};
}

void Log::durable(LogletId, Offset last) {
  if (ended_) return;
  sequencer_.stored(node_, last);
  pay(sequencer_.take_effects_of(node_));
  if (replicator_) replicator_->work();
}

void Log::sealed(LogletId loglet) {
  end({Code::fenced, "loglet " + std::to_string(loglet.raw()) + " was sealed here"});
}

void Log::failed(LogletId, const Error& why) { end(why); }

void Log::end(const Error& why) {
  if (ended_) return;
  ended_ = Error{why.code == Code::fenced ? Code::fenced : Code::failed, why.detail};
  sequencer_.sealed(open().nodeset.front().node);  // what is in flight is unknown from here on
  trace_.event(why.code == Code::fenced ? io::Level::info : io::Level::error, "log.ended",
               {{"partition", partition_.raw()},
                {"committed", committed_.raw()},
                {"tail", next_.raw()},
                {"why", why.detail}});
  grew_.notify_all();
  if (replicator_) replicator_->work();
  if (observer_ != nullptr) observer_->ended(*ended_);
}

// Who extends the chain has sealed our loglet, whether its nodes have told us or not.
void Log::watch_chain() {
  std::uint64_t seen = chain_.version;
  while (!ended_) {
    auto newer = chains_.wait_newer(partition_, seen, fibers_.now() + std::chrono::seconds(60));
    if (!newer) {
      if (newer.error().code == Code::cancelled) return;
      if (!fibers_.sleep_until(fibers_.now() + std::chrono::milliseconds(20))) return;
      continue;
    }
    seen = newer->version;
    const Chain& chain = newer->chain;
    const bool ours = !chain.loglets.empty() && chain.loglets.back().id == open().id &&
                      chain.sealed_tail == Lsn(0);
    if (!ours) return end({Code::fenced, "its chain was extended by another"});
    if (newer->version > chain_.version && !trimming_chain_) chain_ = std::move(*newer);
    trim_point_ = std::max(trim_point_, std::min(chain_.chain.trim_point, committed_));
  }
}

Result<void> Log::drain(Instant deadline) {
  draining_ = true;
  return next_ == Lsn(1) ? Result<void>() : wait_committed(next_.prev(), deadline);
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
  const Offset last_offset = spot->offset + (last - from);
  std::vector<Record> records;
  auto found = wal_.read(loglet.id, spot->offset, last_offset, bytes_max);
  if (found) {
    records.reserve(found->size());
    for (wal::Record& record : *found) {
      records.emplace_back(lsn_of(loglet, record.offset), std::move(record.bytes));
    }
    return records;
  }
  if (found.error().code != Code::not_found) return std::unexpected(found.error());
  if (from <= trim_point_) return std::unexpected(trimmed_away(from));  // while we parked
  const bool only_here = loglet.nodeset.size() == 1 && loglet.nodeset.front().node == node_;
  if (only_here) {
    return fail(Code::corrupt, "partition " + std::to_string(partition_.raw()) +
                                   " has lost a record: " + found.error().detail);
  }
  TRY(fetched,
      reach_.fetch(
          loglet.nodeset,
          {.loglet = loglet.id, .first = spot->offset, .last = last_offset, .bytes_max = bytes_max},
          fibers_.now() + std::chrono::seconds(5)));
  if (fetched.records.empty()) {
    trim_point_ = std::max(trim_point_, std::min(lsn_of(loglet, fetched.trim_point), committed_));
    return std::unexpected(trimmed_away(from));
  }
  Lsn at = from;
  for (std::string& bytes : fetched.records) {
    records.emplace_back(at, std::move(bytes));
    at = at.next();
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
    TRY_VOID(store_.trim(loglet.id, point));
    trim_elsewhere(loglet, point);
  }
  return {};
}

// As well as it goes: the next trim says it again.
void Log::trim_elsewhere(const Loglet& loglet, Offset point) {
  for (const Member& member : loglet.nodeset) {
    if (member.node == node_) continue;
    group_.start("log.trim", [this, node = member.node, id = loglet.id, point] {
      const auto told = reach_.trim(node, {.loglet = id, .point = point},
                                    fibers_.now() + std::chrono::seconds(2));
      if (!told) trace_.count("log.trims_dropped");
    });
  }
}

void Log::forget_elsewhere(LogletId loglet, std::vector<Member> nodeset, LogletId successor) {
  for (const Member& member : nodeset) {
    if (member.node == node_) continue;
    group_.start("log.forget", [this, node = member.node, loglet, successor] {
      for (int tries = 0; tries < 5; ++tries) {
        const auto told = reach_.trim(node, {.loglet = loglet, .point = {}, .successor = successor},
                                      fibers_.now() + std::chrono::seconds(2));
        if (told || told.error().code == Code::cancelled) return;
        if (!fibers_.sleep_until(fibers_.now() + std::chrono::seconds(1 << tries))) return;
      }
      trace_.count("log.forgets_dropped");  // its space is lost until somebody sweeps there
    });
  }
}

// The chain first, durably: a loglet that a chain names must be there.
Result<void> Log::drop_whole_loglets() {
  if (trimming_chain_) return {};  // another fiber is at it
  TRY(after, trimmed(chain_.chain, trim_point_));
  if (after.loglets.size() == chain_.chain.loglets.size()) return {};
  std::vector<Loglet> gone;
  for (const Loglet& loglet : chain_.chain.loglets) {
    if (loglet.id < after.loglets.front().id) gone.push_back(loglet);
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
  const LogletId successor = chain_.chain.loglets.front().id;
  for (Loglet& loglet : gone) {
    TRY_VOID(store_.drop(loglet.id, successor));
    forget_elsewhere(loglet.id, std::move(loglet.nodeset), successor);
  }
  return {};
}

// --- keeping copies whole ---

Result<Scrubbed> Log::scrub(Instant deadline) {
  Scrubbed all;
  const std::vector<Loglet> loglets = chain_.chain.loglets;  // it may change while we park
  for (std::size_t i = 0; i < loglets.size(); ++i) {
    const Loglet& loglet = loglets[i];
    const Lsn end = i + 1 < loglets.size() ? loglets[i + 1].base : committed_.next();
    const Lsn begin = std::max(loglet.base, trim_point_.next());
    if (begin >= end) continue;
    TRY(one, scrub_loglet(reach_, trace_, loglet, Offset(1) + (begin - loglet.base),
                          Offset(1) + (end.prev() - loglet.base), deadline));
    all.records += one.records;
    all.copied += one.copied;
  }
  trace_.event(io::Level::info, "log.scrubbed",
               {{"partition", partition_.raw()}, {"records", all.records}, {"copied", all.copied}});
  return all;
}

void Log::check_invariants() const {
  sequencer_.check_invariants();
  CHECK(committed_ < next_);
  CHECK(trim_point_ <= committed_);
  CHECK(check_chain(chain_.chain).has_value());
}

}  // namespace perdure::log
