#include "engine/log/loglet_store.h"

#include <algorithm>

#include "engine/base/check.h"

namespace perdure::log {

namespace {
constexpr Duration seal_pause = std::chrono::milliseconds(5);
}

// What is known of one loglet beyond what the Wal knows.
struct LogletStore::Entry final : wal::Listener {
  Entry(LogletStore& in, LogletId of) : store(in), loglet(of), changed(in.fibers_) {
    if (const auto held = store.wal_.find(loglet)) durable_last = held->last;
    store.wal_.listen(loglet, *this);
  }
  ~Entry() override { store.wal_.unlisten(loglet); }

  void durable(LogletId, Offset last) override {
    durable_last = std::max(durable_last, last);
    if (watcher != nullptr) watcher->durable(loglet, last);
  }
  void failed(const Error& why) override {
    if (watcher != nullptr) watcher->failed(loglet, why);
    changed.notify_all();
  }

  LogletStore& store;
  const LogletId loglet;
  std::optional<Writer> writer;
  Offset committed;       // as far as its writer said
  Offset durable_last;    // of what was appended here
  bool closed = false;    // to writers: sealed, being sealed, or repaired
  wal::Position seal_at;  // 0: not sealed, or since before this process
  CopyWatcher* watcher = nullptr;
  io::Event changed;  // committed, or closed
  std::uint32_t waiting = 0;
};

LogletStore::LogletStore(wal::Wal& wal, io::Fibers& fibers, io::Trace& trace, bool lost_data)
    : wal_(wal), fibers_(fibers), trace_(trace), lost_data_(lost_data) {}

LogletStore::~LogletStore() = default;

LogletStore::Entry* LogletStore::find(LogletId loglet) const {
  const auto found = entries_.find(loglet);
  return found == entries_.end() ? nullptr : found->second.get();
}

LogletStore::Entry& LogletStore::entry(LogletId loglet) {
  std::unique_ptr<Entry>& entry = entries_[loglet];
  if (entry == nullptr) entry = std::make_unique<Entry>(*this, loglet);
  return *entry;
}

void LogletStore::watch(LogletId loglet, const Writer& writer, CopyWatcher& watcher) {
  Entry& known = entry(loglet);
  known.writer = writer;
  known.watcher = &watcher;
}

void LogletStore::unwatch(LogletId loglet, const CopyWatcher& watcher) {
  Entry* const known = find(loglet);
  if (known != nullptr && known->watcher == &watcher) known->watcher = nullptr;
}

void LogletStore::committed(LogletId loglet, Offset last) {
  Entry& known = entry(loglet);
  known.committed = std::max(known.committed, last);
  if (known.waiting > 0) known.changed.notify_all();
}

Copy LogletStore::copy(LogletId loglet) const {
  const auto held = wal_.find(loglet);
  const Entry* const known = find(loglet);
  Copy copy;
  if (held) copy = {.trim_point = held->trim_point, .staged = held->last, .sealed = held->sealed};
  if (known != nullptr) {
    copy.committed = known->committed;
    copy.sealed = copy.sealed || known->closed;
    copy.writer = known->writer;
  }
  copy.committed = std::max(copy.committed, copy.trim_point);
  copy.replaced = !held && knows_later(loglet);
  return copy;
}

bool LogletStore::knows_later(LogletId loglet) const {
  const std::optional<LogletId> later = wal_.loglet_after(loglet);
  return later && partition_of(*later) == partition_of(loglet);
}

// --- what comes in ---

Result<LogletStore::Taken> LogletStore::offer(LogletId loglet, const Offer& offer,
                                              std::span<const std::string_view> records) {
  Taken taken{.verdict = judge(copy(loglet), offer)};
  if (taken.verdict != Verdict::take) return taken;
  if (offer.repair) {
    // Durably, and first: if this copy was dropped before, seal and all, nothing else would
    // keep its writer out after a restart.
    TRY(sealed, begin_seal(loglet));
    taken.at = sealed;
  } else {
    entry(loglet).writer = offer.writer;
    committed(loglet, offer.committed);
  }
  const auto held = wal_.find(loglet);
  const Offset trim_point = held ? held->trim_point : Offset(0);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Offset at = offer.first + i;
    if (at <= trim_point || wal_.holds(loglet, at)) continue;
    TRY(position, wal_.append({.loglet = loglet,
                               .offset = at,
                               .bytes = records[i],
                               .admission = wal::Admission::finishing}));
    taken.at = position;
  }
  return taken;
}

// --- sealing ---

// Its writer first of all: from here on it is told of nothing that is committed.
void LogletStore::close(Entry& known) {
  const bool was_open = !known.closed;
  known.closed = true;
  if (was_open && known.watcher != nullptr) known.watcher->sealed(known.loglet);
  known.changed.notify_all();
}

Result<wal::Position> LogletStore::begin_seal(LogletId loglet) {
  Entry& known = entry(loglet);
  close(known);
  const auto held = wal_.find(loglet);
  if (held && held->sealed) return known.seal_at;
  TRY(position, wal_.seal(loglet));
  known.seal_at = position;
  trace_.event(io::Level::info, "log.copy.sealed",
               {{"loglet", loglet.raw()}, {"last", known.durable_last.raw()}});
  return position;
}

Result<TailReply> LogletStore::seal(LogletId loglet, Instant deadline) {
  while (true) {
    auto begun = begin_seal(loglet);
    if (begun) {
      TRY_VOID(wal_.wait_durable(*begun, deadline));
      return tail(loglet);
    }
    // Right after a restart the next segment may still be in the making.
    const bool may_pass = begun.error().code == Code::retry_later && fibers_.now() < deadline;
    if (!may_pass) return std::unexpected(begun.error());
    TRY_VOID(fibers_.sleep_until(fibers_.now() + seal_pause));
  }
}

bool LogletStore::seal_is_durable(LogletId loglet) const {
  const auto held = wal_.find(loglet);
  if (!held || !held->sealed) return false;
  const Entry* const known = find(loglet);
  return known == nullptr || known->seal_at < wal_.durable();
}

TailReply LogletStore::tail(LogletId loglet) const {
  const Copy state = copy(loglet);
  const Entry* const known = find(loglet);
  const Offset last = known == nullptr ? state.staged : known->durable_last;
  return {.last = std::max(last, state.trim_point),
          .committed = state.committed,
          .trim_point = state.trim_point,
          .sealed = seal_is_durable(loglet),
          .lost_data = lost_data_};
}

Result<TailReply> LogletStore::wait_tail(LogletId loglet, Offset beyond, Instant deadline) {
  Entry& known = entry(loglet);
  const auto worth_waiting = [&] {
    const Copy now = copy(loglet);
    return now.committed <= beyond && !now.sealed && !wal_.failed() && fibers_.now() < deadline;
  };
  while (worth_waiting()) {
    ++known.waiting;
    auto woken = known.changed.wait(deadline);
    --known.waiting;
    if (!woken && woken.error().code == Code::cancelled) return std::unexpected(woken.error());
  }
  return tail(loglet);
}

// --- looking ---

DigestReply LogletStore::digest(LogletId loglet, Offset first, Offset last) const {
  const auto held = wal_.find(loglet);
  return {.trim_point = held ? held->trim_point : Offset(0),
          .held = wal_.held(loglet, first, last),
          .lost_data = lost_data_,
          .takes_no_more = wal_.failed()};
}

Result<ReadReply> LogletStore::read(const ReadAsk& ask) {
  auto found = wal_.read(ask.loglet, ask.first, ask.last, ask.bytes_max);
  const auto held = wal_.find(ask.loglet);
  ReadReply reply{.trim_point = held ? held->trim_point : Offset(0), .records = {}};
  if (found) {
    for (wal::Record& record : *found) reply.records.push_back(std::move(record.bytes));
  } else if (found.error().code != Code::not_found) {
    return std::unexpected(found.error());
  }
  return reply;
}

// --- forgetting ---

Result<void> LogletStore::trim(LogletId loglet, Offset point) {
  const auto held = wal_.find(loglet);
  if (!held || held->trim_point >= point) return {};
  TRY_VOID(wal_.trim(loglet, point));
  return {};
}

Result<void> LogletStore::drop(LogletId loglet, LogletId successor) {
  CHECK(successor > loglet);
  Entry* const known = find(loglet);
  if (known != nullptr) close(*known);  // whoever writes here slept through its end
  if (!knows_later(loglet)) TRY_VOID(wal_.trim(successor, Offset(0)));
  if (!wal_.find(loglet)) return {};
  TRY_VOID(wal_.drop(loglet));
  if (known == nullptr) return {};
  known->durable_last = known->committed = Offset(0);
  if (known->watcher == nullptr && known->waiting == 0) entries_.erase(loglet);
  return {};
}

}  // namespace perdure::log
