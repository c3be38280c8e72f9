// host/fiber.h
//
// A stack, and the switch onto it and back.  Everything that is delicate about fibers
// stands in this file and its .cpp: what the sanitizers must be told, the exceptions
// that the runtime counts per thread, and what lies below the end of a stack.
//
//     loop ── resume() ──► fiber         Two sides only: the loop of a thread, and the
//     loop ◄── suspend() ── fiber        fiber that it resumed.  Fibers never resume
//     loop ◄── entry ends ─ fiber        fibers, and never change threads.
//
// The switch is Boost.Context's fcontext (7 ns).  Floating point that sets the inexact
// flag on one side makes each switch fifteen times slower: keep it off the hot path.
//
// Read next: scheduler.h, which is the only user.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/io/fibers.h"

namespace perdure::host {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr std::size_t stack_growth = 4;  // redzones around everything
#else
inline constexpr std::size_t stack_growth = 1;
#endif
inline constexpr std::size_t normal_stack_bytes = 64 * 1024 * stack_growth;
inline constexpr std::size_t large_stack_bytes = 256 * 1024 * stack_growth;

// High-water marks are kept in builds without optimisation; elsewhere they read 0.
#if defined(__OPTIMIZE__)
inline constexpr bool stacks_measured = false;
#else
inline constexpr bool stacks_measured = true;
#endif

// Memory of one stack.  It grows down from top() towards bottom; below it is a page
// that faults, or, when the kernel gives no more of those, a word that is looked at.
struct StackMemory {
  std::byte* bottom = nullptr;
  std::size_t bytes = 0;
  io::Stack size = io::Stack::normal;
  bool guarded = true;
  std::byte* top() const { return bottom + bytes; }
};

// Stacks of ended fibers, kept for the next: mapping one costs 2 us, taking one 10 ns.
// A stack handed out is all zeros in a measured build, and whatever it was elsewhere.
//
// Bounds: unused stacks beyond `resident_max` give their pages back, not their addresses.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  StackMemory take(io::Stack size);
  void put(StackMemory stack);  // the fiber on it has ended

  // The deepest use since take(), in bytes.  0 where stacks are not measured.
  static std::size_t high_water(const StackMemory& stack);
  std::size_t mapped() const { return mapped_; }  // stacks, in use or not

 private:
  static constexpr std::size_t resident_max = 1024;  // of each size

  std::array<std::vector<StackMemory>, 2> unused_;
  std::size_t mapped_ = 0;
};

// One flow of control.  Born by begin(), dies when its entry returns; then it may be
// begun again.  Must not be destroyed in between.
class Fiber {
 public:
  using Entry = void (*)(void* argument);  // no exception may leave it

  Fiber() = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void begin(StackMemory stack, Entry entry, void* argument);
  // On the loop: runs the fiber until it suspends or ends.
  void resume();
  // On the fiber: goes back to the loop; returns at the next resume().
  void suspend();

  bool begun() const { return state_ != State::unborn; }
  bool ended() const { return state_ == State::ended; }
  // The loop has seen the end; gives the stack back to the caller.
  StackMemory bury();

 private:
  enum class State { unborn, alive, ended };
  struct Start;  // what boost calls
  // Itanium ABI: what __cxa_get_globals() points to, one for each thread; ours is one
  // for each fiber, or `throw;` in one fiber rethrows what another caught.
  struct Exceptions {
    void* caught = nullptr;
    unsigned uncaught = 0;
  };

  void leave_fiber(bool for_ever);

  State state_ = State::unborn;
  StackMemory stack_;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  void* context_ = nullptr;       // of the fiber, while it is suspended
  void* loop_context_ = nullptr;  // of the loop, while the fiber runs
  Exceptions exceptions_;
  // For the sanitizers: the loop's stack and its TSAN identity, and ours.
  const void* loop_bottom_ = nullptr;
  std::size_t loop_bytes_ = 0;
  void* tsan_ = nullptr;
  void* loop_tsan_ = nullptr;
};

}  // namespace perdure::host
