// sim/world/loop.h
//
// The one thread of a simulated universe, and its one total order.
//
//     at_ns ──► heap of {at, seq, slot} ──► pop ──► is its owner still alive? ──► run
//                    ▲                                   no: dropped               │
//                    └──────── network, disks, timers, nemesis, shards ◄───────────┘
//
// Virtual time stands still while an event runs and jumps to the next one's time after.
// Events of one instant run in the order of their making.  An event belongs to a Life,
// one process of one host, and is dropped when that process is gone; the world's own
// events (life 0) never are.
//
// Every event is folded into the digest with its number, time, owner, kind and
// `payload`.  "Event 812345" means the same in a trace, a debugger and a shrinker.
// The last ones are kept in a ring, 48 bytes and one store each, for whoever stops here
// with a debugger.
//
// Every event knows its cause: what ran when it was made.
//
// Stops at: the time asked for, stop(), a finding, an empty heap, or a limit (Limits),
// which is itself a finding: harness.zeno, harness.events.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world/digest.h"

namespace perdure::sim {

using Nanos = std::uint64_t;  // since the universe began

inline constexpr Nanos microsecond = 1'000;
inline constexpr Nanos millisecond = 1'000'000;
inline constexpr Nanos second = 1'000'000'000;

// One process of one host.  Host 0 is the world itself, which never dies.
struct Life {
  std::uint32_t host = 0;
  std::uint32_t incarnation = 0;
  friend bool operator==(Life, Life) = default;
};

enum class Kind : std::uint8_t {
  turn,
  timer,
  arrive,
  disk,
  tables,
  objects,
  nemesis,
  workload,
  trace
};
std::string_view name_of(Kind);

// What a checker or the harness found wrong.  `check` names the property ("acked-is-
// durable"), `subject` what it was about; together they tell two failures apart.
struct Finding {
  std::string check;
  std::string subject;
  std::string detail;
};

struct LoopLimits {
  std::uint64_t events = 50'000'000;
  std::uint64_t events_at_one_instant = 1'000'000;
};

// One line of the ring: what happened lately, cheaply.
struct Happened {
  std::uint64_t event;
  Nanos at;
  std::uint64_t payload;
  std::uint64_t cause;  // an event; of a told run, a moment of its story
  Life life;
  std::uint32_t fiber;  // that ran, slot + 1; 0: none
  Kind kind;
};
static_assert(sizeof(Happened) == 48);

// Who writes down a run.  Returns the number under which effects name their cause.
class LoopWatch {
 public:
  virtual ~LoopWatch() = default;
  virtual std::uint64_t runs(const Happened&) = 0;
  virtual void found(const Finding&) = 0;
};

class Loop {
 public:
  using Action = std::move_only_function<void()>;

  explicit Loop(LoopLimits limits = {}) : limits_(limits) {}

  Nanos now() const { return now_; }
  std::uint64_t event() const { return events_; }  // of the one that runs, or the last

  // Runs `action` at that time (now, if it has passed) unless `owner` has died by then.
  void at(Nanos when, Life owner, Kind, std::uint64_t payload, Action);
  void after(Nanos delay, Life owner, Kind kind, std::uint64_t payload, Action action) {
    at(now_ + delay, owner, kind, payload, std::move(action));
  }

  // Runs events up to and including `until`, then stands at `until`, unless it stopped.
  void run(Nanos until);
  // Runs one; false, standing at `until`, when there is none up to then.
  bool step(Nanos until);
  bool idle() const { return heap_.empty(); }
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  // The first finding counts, and stops the loop: fail at the cause.
  void report(Finding);
  const std::optional<Finding>& finding() const { return finding_; }

  // Lives.
  std::uint32_t new_host();             // its number; incarnation 0, not alive
  Life begin_life(std::uint32_t host);  // the next incarnation
  void end_life(std::uint32_t host);    // events of the current one are dropped
  bool alive(Life life) const;

  // Folds something that happened within an event.
  void note(Life, Kind, std::uint64_t payload);

  // What runs now: the cause of what it makes.  Shards say more exactly which fiber's
  // step it is, or which delivery.
  std::uint64_t cause() const { return cause_; }
  void caused_by(std::uint64_t cause) { cause_ = cause; }
  std::uint32_t fiber() const { return fiber_; }
  void in_fiber(std::uint32_t fiber) { fiber_ = fiber; }
  void watch(LoopWatch* watch) { watch_ = watch; }
  const Digest& digest() const { return digest_; }

  // The last events, oldest first.
  std::vector<Happened> recent() const;
  // Stops once the digest has so many folds.
  void stop_after(std::uint64_t folds) { folds_max_ = folds; }
  // Calls `reached` just before event n runs: a debugger's breakpoint, or a fault.
  void break_at(std::uint64_t n, std::function<void()> reached);

 private:
  struct Entry {
    Nanos at;
    std::uint64_t seq;
    std::uint32_t slot;
  };
  struct Slot {
    Life owner;
    Kind kind = Kind::turn;
    std::uint64_t payload = 0;
    std::uint64_t cause = 0;
    Action action;
  };

  void run_next();
  void fold(const Happened& happened);
  void guard_against_zeno();
  static bool later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.seq > b.seq;
  }

  const LoopLimits limits_;
  Nanos now_ = 0;
  std::uint64_t seq_ = 0, events_ = 0, events_at_now_ = 0;
  std::vector<Entry> heap_;  // std heap by later()
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;

  struct HostLife {
    std::uint32_t incarnation = 0;
    bool alive = false;
  };
  std::vector<HostLife> lives_ = {{.incarnation = 0, .alive = true}};

  bool stopped_ = false;
  std::optional<Finding> finding_;
  Digest digest_;
  std::uint64_t cause_ = 0;
  std::uint32_t fiber_ = 0;
  LoopWatch* watch_ = nullptr;
  std::vector<Happened> ring_;  // ring_size at most; ring_next_ is the oldest then
  std::size_t ring_next_ = 0;
  std::uint64_t folds_max_ = UINT64_MAX;
  std::multimap<std::uint64_t, std::function<void()>> breaks_;  // by event
};

// What is made while this stands is caused by that moment; 0: by what runs anyway.
class CauseHere {
 public:
  CauseHere(Loop& loop, std::uint64_t moment) : loop_(loop), before_(loop.cause()) {
    if (moment != 0) loop.caused_by(moment);
  }
  ~CauseHere() { loop_.caused_by(before_); }
  CauseHere(const CauseHere&) = delete;
  CauseHere& operator=(const CauseHere&) = delete;

 private:
  Loop& loop_;
  const std::uint64_t before_;
};

}  // namespace perdure::sim
