#include "engine/processor/expiry.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/tables/scan.h"

namespace perdure::processor {
namespace {

constexpr Duration longest_sleep = std::chrono::hours(1);
constexpr Duration busy_pause = std::chrono::milliseconds(50);

}  // namespace

Expiry::Expiry(io::World& world, tables::Store& store, Proposer& proposer, const Bounds& bounds)
    : world_(world), store_(store), proposer_(proposer), bounds_(bounds), changed_(world.fibers) {}

void Expiry::will_expire(tables::Bucket bucket) {
  const bool first = buckets_.empty() || bucket < *buckets_.begin();
  buckets_.insert(bucket);
  if (first) changed_.notify_all();
}

// The earliest hour of each kind: those after it are found when it is swept.
Result<void> Expiry::find_first() {
  for (const auto kind : {tables::Kind::completed, tables::Kind::kept, tables::Kind::long_kept}) {
    const tables::KeyRange all = tables::all_of(kind);
    TRY(scan, store_.scan(all.from, all.to));
    auto rows = scan->next(1);
    if (!rows) return std::unexpected(rows.error());
    if (!rows->empty()) buckets_.insert(tables::in_bucket(rows->front().first).bucket);
  }
  return {};
}

Result<void> Expiry::purge(wire::Purge purge) {
  while (true) {
    std::vector<wire::Command> commands;
    commands.push_back({.body = purge});
    auto at = proposer_.propose(std::move(commands));
    if (at) return proposer_.wait_applied(*at);  // one at a time: a sweep is in no hurry
    if (at.error().code != Code::retry_later) return std::unexpected(at.error());
    TRY_VOID(world_.fibers.sleep_until(world_.fibers.now() + busy_pause));
  }
}

Result<void> Expiry::purge_all(tables::Kind kind, tables::Bucket bucket, bool journal_only) {
  const tables::KeyRange range = tables::bucket_range(kind, bucket);
  TRY(scan, store_.scan(range.from, range.to));
  wire::Purge next{.journal_only = journal_only};
  while (true) {
    auto rows = scan->next(bounds_.scan_bytes);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& [key, row] : *rows) {
      next.ids.push_back(tables::in_bucket(key).id);
      if (next.ids.size() < bounds_.purged) continue;
      TRY_VOID(purge(std::exchange(next, {.journal_only = journal_only})));
    }
    if (rows->empty()) break;
  }
  if (next.ids.empty()) return {};
  return purge(std::move(next));
}

Result<void> Expiry::sweep(tables::Bucket bucket) {
  TRY_VOID(purge_all(tables::Kind::completed, bucket, false));
  TRY_VOID(purge_all(tables::Kind::long_kept, bucket, true));
  return purge({.hours_through = bucket});
}

Instant Expiry::next_wake() const {
  if (buckets_.empty()) return io::never;
  const auto away = tables::end_of(*buckets_.begin()) - world_.clock.wall();
  const Duration sleep = std::clamp<Duration>(away > longest_sleep ? longest_sleep : Duration(away),
                                              Duration(0), longest_sleep);
  return world_.fibers.now() + sleep;
}

Result<void> Expiry::run() {
  bool look = true;  // there may be hours that nobody told us of
  while (true) {
    if (look) {
      auto found = find_first();
      if (!found && found.error().code != Code::retry_later) return found;
      look = !found;
    }
    const bool due = !buckets_.empty() && tables::end_of(*buckets_.begin()) <= world_.clock.wall();
    if (due && !look) {
      const tables::Bucket bucket = *buckets_.begin();
      auto swept = sweep(bucket);
      if (!swept && swept.error().code != Code::retry_later) return swept;
      if (swept) buckets_.erase(bucket);
      look = true;
    }
    auto slept = look ? world_.fibers.sleep_until(world_.fibers.now() + busy_pause)
                      : changed_.wait(next_wake());
    if (!slept && slept.error().code == Code::cancelled) return slept;
  }
}

}  // namespace perdure::processor
