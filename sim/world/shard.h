// sim/world/shard.h
//
// One shard of one life of a host: its fibers, its turns, and the border that its twins
// of engine/io stand on.  Made when the process starts, gone with it.
//
//     world ──post(delivery)──► inbox ─┐
//                                      ▼  (not before busy_until)
//     turn:  deliveries, deadlines, ready fibers ──► effects on the world
//                                      │
//            busy_until = now + steps * cost of a step          timer for the next deadline
//
// Everything that reaches a shard comes by post(), so it is seen at the beginning of a
// turn; a slow or paused process sees it late.
//
// Everything a shard does to the world asks effect() first.  A crash may cut a turn:
// of its effects only the first k happen, the rest is swallowed, and the process is
// gone before the next event.  Destruction only between turns would make every turn
// atomic, which no process is.
//
// After the end of the life (dead()) calls of twins, from destructors of fibers that
// are unwound, do nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/io/world.h"
#include "host/scheduler.h"
#include "sim/trace/story.h"
#include "sim/world/draw.h"
#include "sim/world/loop.h"

namespace perdure::sim {

class Host;
class Universe;

class Shard final : private host::Director {
 public:
  Shard(Universe&, Host&, Life, std::uint32_t index);
  ~Shard() override;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  io::World world();
  Universe& universe() { return universe_; }
  Host& host() { return host_; }
  Life life() const { return life_; }
  std::uint32_t index() const { return index_; }
  io::Fibers& fibers() { return *scheduler_; }
  const host::Scheduler& scheduler() const { return *scheduler_; }
  Loop& loop();

  // --- the border ---
  using Action = std::move_only_function<void()>;
  // Runs in the next turn, outside of every fiber.
  void post(Action delivery);
  void wake_later(io::FiberId);  // posts a wake
  bool dead() const;
  // True: it happens.  False: swallowed, because the process dies within this turn.
  bool effect();
  // Parks for good; for a fiber whose effect was swallowed.
  [[noreturn]] void park_until_death();
  // Writes down, if anybody reads: what a twin does for this shard.
  bool telling() const;
  std::uint64_t tell(trace::What what, std::string_view name, std::string_view detail = {},
                     std::uint64_t a = 0, std::uint64_t b = 0);
  // Draws of this shard's, one stream for each purpose.
  Dice& dice(std::string_view stream);

  // Runs `effect` after `latency`, as the machine would on behalf of the process, and
  // parks the caller until then.  If the process dies before, a coin says whether it
  // still happens.  False: the process is dead already, nothing was done.
  bool carry_out(Kind, std::uint64_t payload, Nanos latency, Action effect);
  template <class T, class Effect>
  Result<T> perform(Kind kind, std::uint64_t payload, Nanos latency, Effect&& effect) {
    std::optional<Result<T>> result;
    const bool alive = carry_out(kind, payload, latency, [&] { result.emplace(effect()); });
    if (!alive) return fail(Code::cancelled, "the process is gone");
    return std::move(*result);
  }

  // --- for the host ---
  void spawn_root(std::string_view name, Action body);
  void pause_until(Nanos t);
  void end_pause();
  void kill_fibers();

 private:
  class ShardClock;
  struct Twins;

  std::size_t pick(std::span<const io::FiberId> ready) override;
  void before_step(io::FiberId, std::string_view name) override;
  void after_step(io::FiberId) override;
  void ready(io::FiberId, std::string_view name, Ready why) override;
  void poke();
  void turn();
  void arm_timer();

  Universe& universe_;
  Host& host_;
  const Life life_;
  const std::uint32_t index_;
  std::unique_ptr<ShardClock> clock_;
  std::unique_ptr<host::Scheduler> scheduler_;
  std::unique_ptr<Twins> twins_;

  struct Delivery {
    Action action;
    std::uint64_t cause;
  };
  std::deque<Delivery> inbox_;
  bool turn_pending_ = false;
  std::uint64_t poke_ = 0;  // names the event of the pending turn
  std::optional<Nanos> timer_at_;
  Nanos busy_until_ = 0;
  std::uint64_t turns_ = 0, steps_ = 0, steps_in_turn_ = 0, picks_ = 0;
  std::uint64_t step_hash_ = 0;
  std::map<std::string, Dice, std::less<>> dice_;
  // Of a told run: what made each ready fiber ready, where it parked before, and what the
  // turn itself is.  A deadline wakes because of the fiber that went to sleep.
  struct FiberCause {
    std::uint64_t ready = 0, parked = 0;
  };
  std::vector<FiberCause> fiber_causes_;  // by slot
  bool firing_deadlines_ = false;
  std::uint64_t turn_cause_ = 0;
  std::map<std::uint64_t, std::uint64_t> demoted_;  // fibers behind all others (PCT)
};

}  // namespace perdure::sim
