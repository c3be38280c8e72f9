// net/loop/loop.h
//
// One shard's thread: it waits in epoll, hands what happened to fibers, and runs them
// until none is ready.  That is a turn.
//
//     ┌─► epoll_wait ──► clock ──► watchers ──► inbox ──► deadlines ──► run_ready ─┐
//     └──────────────────── until stop() ──────────────────────────────────────────┘
//
// Idle means idle: the wait lasts until the next deadline of a fiber, or for ever.
// There is no tick.  Time is read once a turn.
//
// Watchers are level with the kernel by edges: a descriptor is registered once, and
// its watcher remembers what it heard.  A watcher only takes notes and wakes fibers, it
// destroys nothing, so none can vanish while the events of a turn are handed out.
//
// From other threads: post() and stop(), nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "engine/io/clock.h"
#include "host/scheduler.h"
#include "net/loop/fd.h"

namespace perdure::net {

// Time as of the beginning of the turn.
class TurnClock : public io::Clock {
 public:
  TurnClock() { refresh(); }
  Instant steady() const override { return steady_; }
  WallTime wall() const override { return wall_; }
  void refresh();

 private:
  Instant steady_;
  WallTime wall_;
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void happened(std::uint32_t epoll_events) = 0;
};

class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Turns until stop(); on the thread that calls.  What fibers remain stay as they are.
  void run();

  // --- from any thread ---
  // Runs `work` on the loop, outside of fibers, in the order of posting from one thread.
  // Work posted after the last turn is dropped with the loop.
  void post(std::move_only_function<void()> work);
  void stop();

  // --- on the loop's thread ---
  // Both directions, by edges, until the descriptor is closed.  `watcher` is borrowed
  // for as long.
  void watch(int fd, Watcher& watcher);
  void unwatch(int fd);  // of one that stays open

  std::uint64_t turns() const { return turns_; }

  TurnClock clock;
  host::Scheduler scheduler;

 private:
  int wait_at_most();
  void wait();
  bool drain_inbox();

  Fd epoll_;
  Fd bell_;  // an eventfd by edges: each write is one, nobody reads it
  std::uint64_t turns_ = 0;
  bool stopping_ = false;

  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> inbox_;  // under mutex_
  std::atomic<bool> asleep_ = false;                    // someone must ring
  std::vector<std::move_only_function<void()>> taken_;
};

}  // namespace perdure::net
