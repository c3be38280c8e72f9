// host/manual_loop.h
//
// A loop for unit tests: fibers under a clock that moves only when nobody is ready,
// and then straight to the next deadline.  A minute of sleeping costs nothing.
//
//     host::ManualLoop loop;
//     loop.run([&] { EXPECT_TRUE(event.wait(loop.in(seconds(5)))); });
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "engine/io/clock.h"
#include "host/scheduler.h"

namespace perdure::host {

class ManualClock : public io::Clock {
 public:
  Instant steady() const override { return Instant() + since_start_; }
  WallTime wall() const override {
    return wall_at_start + std::chrono::duration_cast<std::chrono::milliseconds>(since_start_);
  }
  void advance(Duration by) { since_start_ += by; }
  void advance_to(Instant at) { since_start_ = std::max(since_start_, at - Instant()); }

 private:
  static constexpr WallTime wall_at_start{std::chrono::milliseconds(1'700'000'000'000)};
  Duration since_start_ = std::chrono::hours(1);  // so that small differences stay positive
};

class ManualLoop {
 public:
  ManualLoop() : scheduler(clock) {}

  // Until nothing is ready and nothing has a deadline.  Fibers that sleep for ever in
  // a loop keep it from that: use run() or run_for() with those.
  void run_until_idle() {
    while (turn(std::nullopt)) {
    }
  }
  // Deadlines of the next `span` of virtual time; the clock stands at its end afterwards.
  void run_for(Duration span) {
    const Instant end = clock.steady() + span;
    while (turn(end)) {
    }
    clock.advance_to(end);
    scheduler.fire_deadlines(end);
    scheduler.run_ready();
  }
  // Starts a fiber and runs until it has ended, others with it.  False: it never will,
  // all are parked for ever.
  bool run(std::move_only_function<void()> body) {
    const auto ended = std::make_shared<bool>(false);  // the fiber may outlive this call
    scheduler.spawn_root("test", [ended, body = std::move(body)]() mutable {
      body();
      *ended = true;
    });
    while (!*ended && turn(std::nullopt)) {
    }
    return *ended;
  }
  // An instant from now on.
  Instant in(Duration span) const { return clock.steady() + span; }

  ManualClock clock;
  Scheduler scheduler;
  io::Fibers& fibers = scheduler;

 private:
  // False when there is nothing to do any more, or not before `end`.
  bool turn(std::optional<Instant> end) {
    const std::optional<Instant> next = scheduler.next_deadline();
    if (!next || (end && *next > *end)) return false;
    clock.advance_to(*next);
    scheduler.fire_deadlines(clock.steady());
    scheduler.run_ready();
    return true;
  }
};

}  // namespace perdure::host
