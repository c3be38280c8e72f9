// host/scheduler.h
//
// The fibers of one shard: who is ready, who waits, until when.  Both hosts run this
// very class; they differ in what they do between two calls of run_ready().
//
//                  start()                    wake() cancel() deadline
//                     │        ┌──────────────────────────────────────┐
//                     ▼        ▼                                      │
//     (nothing)     ready ──► running ──► parked ─────────────────────┘
//                     ▲        │  │
//                     ├─ next ─┘  └──► ended
//                     │  turn: yield()
//                     └─ nothing ready: turn_end()
//
// A turn of a host:
//
//     fire_deadlines(clock);  run_ready();  ask the world until next_deadline();
//
// A wake that reaches a fiber which a deadline or a cancel made ready, but which has
// not run yet, turns its reason into by_waker: a notification that was given to it is
// not lost, and its next park tells it of the cancel.
//
// A park with a deadline costs one heap entry, which is not taken out when the fiber
// is woken earlier: it is dropped when it comes up, or when most of the heap is so.
//
// One thread.  Not here: sleeping, the clock, anything of the outside.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "host/fiber.h"

namespace perdure::host {

// What a simulator wants to decide and to watch.  Without one: first in, first out.
class Director {
 public:
  virtual ~Director() = default;
  // The place in `ready` (oldest first, at least one) of the fiber that runs next.
  virtual std::size_t pick(std::span<const io::FiberId> ready) = 0;
  virtual void before_step(io::FiberId, std::string_view /*name*/) {}
  virtual void after_step(io::FiberId) {}
  // It may run from now on, because of what happens just now.
  enum class Ready { started, woken, cancelled, later };  // later: by yield or turn_end
  virtual void ready(io::FiberId, std::string_view /*name*/, Ready) {}
};

class Scheduler : public io::Fibers {
 public:
  // Many schedulers of one thread may share a pool of stacks; without one it has its own.
  explicit Scheduler(const io::Clock& clock, StackPool* stacks = nullptr);
  ~Scheduler() override;  // kills what is left
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start(io::Group& owner, std::string_view name, std::move_only_function<void()> body,
             io::Stack stack = io::Stack::normal) override;
  io::FiberId self() const override;  // FiberId() outside of every fiber
  io::Woken park(Instant deadline, io::Heed heed = io::Heed::cancel) override;
  void wake(io::FiberId fiber) override;
  void cancel(io::FiberId fiber) override;
  void yield() override;  // until the next turn, so that the world is looked at in between
  void turn_end() override;
  Instant now() const override { return clock_.steady(); }

  // --- for the host, never from a fiber ---

  // A fiber of the host's own group.
  void spawn_root(std::string_view name, std::move_only_function<void()> body,
                  io::Stack stack = io::Stack::large);
  io::Group& roots() { return roots_; }

  // One turn: until nothing is ready and nobody waits for the turn's end.
  void run_ready();
  bool has_ready() const { return ready_head_ < ready_.size(); }
  // When the host must come back at the latest; now() when something is ready already.
  std::optional<Instant> next_deadline();
  // Makes ready whose deadline is at or before `now`.
  void fire_deadlines(Instant now);

  // nullptr: first in, first out.  Borrowed; not to be changed within a turn.
  void direct(Director* director) { director_ = director; }

  // A crash: unwinds every fiber, the youngest first, by an exception from its park
  // point (bodies that never ran are dropped).  Meanwhile start(), wake() and cancel()
  // do nothing, and park() throws.  Afterwards the scheduler is empty and usable.
  void kill_all();

  // --- for fibers that the host wrote, and for diagnostics ---

  // Runs `work` on the loop's own, big stack while the fiber waits; `work` may not park,
  // and no exception may leave it.
  void on_loop_stack(std::move_only_function<void()> work);

  struct Waiting {
    io::FiberId fiber;
    std::string name;
    Instant since;
    Instant deadline;  // io::never
  };
  std::vector<Waiting> parked() const;  // oldest fiber first
  std::size_t size() const { return live_; }
  std::uint64_t steps() const { return steps_; }
  std::string_view name_of(io::FiberId fiber) const;  // "" when it is gone
  // Name to deepest stack seen, in bytes; empty unless stacks_measured.
  const std::map<std::string, std::size_t, std::less<>>& stack_use() const { return stack_use_; }

 private:
  enum class State { unused, ready, running, parked, yielded, at_turn_end };
  struct Slot {
    std::uint32_t index = 0;
    std::uint32_t life = 1;
    State state = State::unused;
    io::Heed heed = io::Heed::cancel;
    io::Woken woken = io::Woken::by_waker;
    bool was_parked = false;  // ready from a park, not from start, yield or turn_end
    bool cancelled = false;
    io::Stack stack = io::Stack::normal;
    std::uint64_t alarm = 0;  // number of the heap entry that may wake it; 0: none
    std::uint64_t started = 0;
    Instant deadline = io::never;
    Instant since;
    io::Group* owner = nullptr;
    std::string name;
    std::move_only_function<void()> body;
    Fiber fiber;
    io::FiberId id() const { return {.slot = index, .life = life}; }
  };
  struct Alarm {
    Instant at;
    std::uint64_t number;  // order of making, and the name
    std::uint32_t slot;
  };

  static void enter(void* self);
  static bool later(const Alarm& a, const Alarm& b);
  Slot* find(io::FiberId fiber) const;
  Slot& running() const;
  void make_ready(Slot& slot, Director::Ready why);
  void unpark(Slot& slot, io::Woken why);
  io::FiberId take_next();
  void step(Slot& slot);
  void resume(Slot& slot);
  void finish(Slot& slot);
  void leave(Slot& slot, State state);
  void release(std::vector<io::FiberId>& waiting);
  void set_alarm(Slot& slot, Instant at);
  void drop_alarm(Slot& slot);
  bool stale(const Alarm& alarm) const;
  void pop_alarm();

  const io::Clock& clock_;
  std::unique_ptr<StackPool> own_stacks_;
  StackPool& stacks_;
  Director* director_ = nullptr;

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::uint32_t> unused_;
  std::vector<io::FiberId> ready_;  // from ready_head_ on
  std::size_t ready_head_ = 0;
  std::vector<io::FiberId> yielded_;
  std::vector<io::FiberId> at_turn_end_;
  std::vector<Alarm> alarms_;  // a heap, the earliest in front
  std::size_t stale_alarms_ = 0;

  Slot* running_ = nullptr;
  std::move_only_function<void()> loop_work_;
  bool killing_ = false;
  std::size_t live_ = 0;
  std::uint64_t starts_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t alarm_numbers_ = 0;
  std::map<std::string, std::size_t, std::less<>> stack_use_;
  io::Group roots_;
};

}  // namespace perdure::host
