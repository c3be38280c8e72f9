#include "engine/processor/timers.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/tables/scan.h"

namespace perdure::processor {
namespace {

constexpr Duration longest_sleep = std::chrono::minutes(1);
constexpr Duration busy_pause = std::chrono::milliseconds(10);

}  // namespace

Timers::Timers(io::World& world, tables::Store& store, Proposer& proposer, const Bounds& bounds)
    : world_(world), store_(store), proposer_(proposer), bounds_(bounds), changed_(world.fibers) {
  CHECK(bounds.timers >= 2);  // half of it is when more are loaded
}

void Timers::added(const tables::Timer& timer) {
  firing_.erase(timer);
  if (loading_) loading_->added.insert(timer), loading_->removed.erase(timer);
  if (horizon_ && *horizon_ <= timer) return;
  waiting_.insert(timer);
  if (!loading_) shorten();
  // Not whether it is the next: the clock may have been set since that one was looked at.
  if (at(timer.due) < wakes_) changed_.notify_all();
}

void Timers::removed(const tables::Timer& timer) {
  waiting_.erase(timer);
  firing_.erase(timer);
  if (loading_) loading_->removed.insert(timer), loading_->added.erase(timer);
}

bool Timers::wants_more() const { return horizon_ && waiting_.size() < bounds_.timers / 2; }

// While others are loaded the horizon stays: what comes of that is all from there on.
void Timers::shorten() {
  if (waiting_.size() <= 2 * bounds_.timers) return;
  const auto last = std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(bounds_.timers));
  horizon_ = *last;
  waiting_.erase(last, waiting_.end());
}

// The next window of rows, as they were when the scan began, and what came since.
Result<void> Timers::load() {
  const tables::KeyRange all = tables::all_of(tables::Kind::timer);
  loading_.emplace();
  TRY(scan, store_.scan(tables::timer_key(*horizon_), all.to));
  std::set<tables::Timer> found;
  bool ended = false;
  while (found.size() < bounds_.timers && !ended) {
    auto rows = scan->next(bounds_.scan_bytes);
    if (!rows) return std::unexpected(rows.error());
    ended = rows->empty();
    for (const auto& [key, value] : *rows) found.insert(tables::timer_in(key));
  }
  const std::optional<tables::Timer> seen_before =
      ended ? std::nullopt : std::optional(*found.rbegin());
  found.insert(loading_->added.begin(), loading_->added.end());
  for (const tables::Timer& timer : found) {
    if (seen_before && *seen_before <= timer) break;
    if (!loading_->removed.contains(timer) && !firing_.contains(timer)) waiting_.insert(timer);
  }
  horizon_ = seen_before;
  return {};
}

Result<void> Timers::fire_due() {
  const WallTime now = world_.clock.wall();
  while (!waiting_.empty() && waiting_.begin()->due <= now) {
    std::vector<wire::Command> commands;
    std::vector<tables::Timer> taken;
    for (auto next = waiting_.begin();
         next != waiting_.end() && next->due <= now && taken.size() < bounds_.timers_fired;
         ++next) {
      taken.push_back(*next);
      commands.push_back({.body = wire::Fire{.due = next->due,
                                             .kind = next->kind,
                                             .id = next->id,
                                             .completion_id = next->completion_id}});
    }
    TRY(at, proposer_.propose(std::move(commands)));
    static_cast<void>(at);
    for (const tables::Timer& timer : taken) {
      waiting_.erase(timer);
      firing_.insert(timer);
    }
  }
  return {};
}

// When to look at what is due then, as the clock stands now.
Instant Timers::at(WallTime due) const {
  const Duration away = due - world_.clock.wall();
  return world_.fibers.now() + std::clamp<Duration>(away, Duration(0), longest_sleep);
}

Result<void> Timers::run() {
  while (true) {
    bool busy = false;
    while (wants_more() && !busy) {
      auto loaded = load();
      loading_.reset();
      if (!loaded && loaded.error().code != Code::retry_later) return loaded;
      busy = !loaded;
    }
    auto fired = fire_due();
    if (!fired && fired.error().code != Code::retry_later) return fired;
    busy |= !fired;
    if (wants_more() && !busy) continue;  // those that were here were all due
    wakes_ = waiting_.empty() ? io::never : at(waiting_.begin()->due);
    auto slept =
        busy ? world_.fibers.sleep_until(world_.fibers.now() + busy_pause) : changed_.wait(wakes_);
    if (!slept && slept.error().code == Code::cancelled) return slept;
  }
}

}  // namespace perdure::processor
