#include "sim/world/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace perdure::sim {

namespace {
constexpr std::size_t ring_size = 200'000;
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::turn: return "turn";
    case Kind::timer: return "timer";
    case Kind::arrive: return "arrive";
    case Kind::disk: return "disk";
    case Kind::tables: return "tables";
    case Kind::objects: return "objects";
    case Kind::nemesis: return "nemesis";
    case Kind::workload: return "workload";
    case Kind::trace: return "trace";
  }
  return "?";
}

void Loop::at(Nanos when, Life owner, Kind kind, std::uint64_t payload, Action action) {
  std::uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot] = {owner, kind, payload, cause_, std::move(action)};
  heap_.push_back({.at = std::max(when, now_), .seq = seq_++, .slot = slot});
  std::ranges::push_heap(heap_, later);
}

void Loop::run(Nanos until) {
  while (!stopped_ && step(until)) {
  }
}

bool Loop::step(Nanos until) {
  if (heap_.empty() || heap_.front().at > until) {
    now_ = std::max(now_, until);
    return false;
  }
  run_next();
  return true;
}

void Loop::run_next() {
  std::ranges::pop_heap(heap_, later);
  const Entry entry = heap_.back();
  heap_.pop_back();
  Slot slot = std::exchange(slots_[entry.slot], {});
  free_slots_.push_back(entry.slot);
  if (!alive(slot.owner)) return;

  if (entry.at > now_) events_at_now_ = 0;
  now_ = entry.at;
  ++events_;
  while (!breaks_.empty() && breaks_.begin()->first <= events_) {
    const auto reached = breaks_.extract(breaks_.begin());
    reached.mapped()();
  }
  const Happened happened = {events_, now_, slot.payload, slot.cause, slot.owner, 0, slot.kind};
  fold(happened);
  cause_ = watch_ == nullptr ? events_ : watch_->runs(happened);
  fiber_ = 0;
  guard_against_zeno();
  if (!stopped_) slot.action();
}

void Loop::guard_against_zeno() {
  if (++events_at_now_ > limits_.events_at_one_instant) {
    report({.check = "harness.zeno",
            .subject = "time",
            .detail = fmt::format("{} events at {} ns", events_at_now_, now_)});
  }
  if (events_ > limits_.events) {
    report({.check = "harness.events",
            .subject = "run",
            .detail = fmt::format("more than {} events", limits_.events)});
  }
}

void Loop::report(Finding finding) {
  if (!finding_) {
    finding_ = std::move(finding);
    if (watch_ != nullptr) watch_->found(*finding_);
  }
  stopped_ = true;
}

std::uint32_t Loop::new_host() {
  lives_.emplace_back();
  return static_cast<std::uint32_t>(lives_.size() - 1);
}

Life Loop::begin_life(std::uint32_t host) {
  CHECK(host > 0 && host < lives_.size());
  CHECK(!lives_[host].alive);
  lives_[host].alive = true;
  return {host, ++lives_[host].incarnation};
}

void Loop::end_life(std::uint32_t host) {
  CHECK(host > 0 && host < lives_.size());
  lives_[host].alive = false;
}

bool Loop::alive(Life life) const {
  const HostLife& current = lives_[life.host];
  return current.alive && current.incarnation == life.incarnation;
}

void Loop::note(Life life, Kind kind, std::uint64_t payload) {
  fold({events_, now_, payload, cause_, life, fiber_, kind});
}

void Loop::fold(const Happened& happened) {
  digest_.fold({happened.event, happened.at,
                std::uint64_t{happened.life.host} << 32 | happened.life.incarnation,
                happened.payload * 16 + static_cast<std::uint64_t>(happened.kind)});
  if (digest_.folds() >= folds_max_) stopped_ = true;
  if (ring_.empty()) ring_.reserve(ring_size);  // address space, until it is written to
  if (ring_.size() < ring_size) {
    ring_.push_back(happened);
  } else {
    ring_[ring_next_] = happened;
    ring_next_ = (ring_next_ + 1) % ring_size;
  }
}

std::vector<Happened> Loop::recent() const {
  std::vector<Happened> events = ring_;
  std::ranges::rotate(events, events.begin() + static_cast<std::ptrdiff_t>(ring_next_));
  return events;
}

void Loop::break_at(std::uint64_t n, std::function<void()> reached) {
  breaks_.emplace(n, std::move(reached));
}

}  // namespace perdure::sim
