// engine/io/fibers.h
//
// A fiber is a stack of its own on the shard's one thread.  It runs until it parks,
// so between two parks nothing else touches the shard's data: that is the only lock
// the engine has.  Journeys (a request, an attempt, a seal) are fibers; decisions
// are values (see docs/style.md).
//
// Promised   Fibers of one group end before join() returns.  wake() of a parked fiber
//            makes it run in this turn or a later one, exactly once for each park.
//            A wake for a fiber that is not parked, or is gone, does nothing.
// Allowed    Ready fibers run in any order that respects nothing but turn_end().
//            A deadline may be noticed late, by as long as a turn takes.
//            In a simulated crash park() throws, to unwind the stack; so: no
//            catch (...) without rethrow, and nothing that parks in a destructor.
// Not here   threads.
//
// Stacks are 64 KiB (256 KiB where `Stack::large` is asked): no big arrays, no
// recursion over strangers' input.
//
// Above the five virtual calls stand Group, Event and Queue, which are the same code
// on both hosts.  Use those; park() is for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/result.h"
#include "engine/base/time.h"

namespace perdure::io {

enum class Woken { by_waker, by_deadline, by_cancel };
enum class Heed { cancel, deadline_only };  // what may end a park besides its waker
enum class Stack { normal, large };

inline constexpr Instant never = Instant::max();

struct FiberId {
  std::uint32_t slot = 0;
  std::uint32_t life = 0;  // 0: no fiber
  friend bool operator==(FiberId, FiberId) = default;
};

class Group;

class Fibers {
 public:
  virtual ~Fibers() = default;
  virtual void start(Group& owner, std::string_view name, std::move_only_function<void()> body,
                     Stack = Stack::normal) = 0;
  virtual FiberId self() const = 0;
  virtual Woken park(Instant deadline, Heed = Heed::cancel) = 0;
  virtual void wake(FiberId) = 0;
  virtual void cancel(FiberId) = 0;  // its parks return by_cancel from now on

  // Goes behind everything that is ready now.
  virtual void yield() = 0;
  // Runs again when nothing else is ready, before the world is asked for more.  What
  // gathers within a turn is paid once here: one write a connection, one sync a disk.
  virtual void turn_end() = 0;

  // Parks for a while.  Error: cancelled.
  Result<void> sleep_until(Instant);
  virtual Instant now() const = 0;  // the Clock's steady time, for deadlines
};

// Owns fibers.  Whoever makes a group joins it: none outlives its group.
class Group {
 public:
  explicit Group(Fibers& fibers) : fibers_(fibers) {}
  ~Group() { CHECK(members_.empty()); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // In a group that was cancelled nothing new starts: the body is dropped.
  void start(std::string_view name, std::move_only_function<void()> body,
             Stack stack = Stack::normal) {
    if (!cancelled_) fibers_.start(*this, name, std::move(body), stack);
  }
  void cancel();  // every park of a member returns by_cancel from now on
  void join();    // parks until the last member has ended; not itself cancellable
  void stop() { cancel(), join(); }
  std::size_t size() const { return members_.size(); }
  bool cancelled() const { return cancelled_; }

  // For the host: who came, who ended.
  void entered(FiberId);
  void left(FiberId);

 private:
  Fibers& fibers_;
  std::vector<FiberId> members_;
  FiberId joiner_;
  bool cancelled_ = false;
};

// Where fibers wait for something to change.  Like a condition variable: look,
// wait, look again.
class Event {
 public:
  explicit Event(Fibers& fibers) : fibers_(fibers) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void notify_all();
  void notify_one();
  // Errors: timed_out, cancelled.
  Result<void> wait(Instant deadline = never, Heed = Heed::cancel);

 private:
  Fibers& fibers_;
  std::deque<FiberId> waiting_;
};

// A bounded queue between fibers of one shard.  `limit` is in items.
template <class T>
class Queue {
 public:
  Queue(Fibers& fibers, std::size_t limit) : limit_(limit), filled_(fibers), drained_(fibers) {}

  // Errors: timed_out, cancelled; `cancelled` too once the queue is closed.
  Result<void> push(T item, Instant deadline = never) {
    while (items_.size() >= limit_ && !closed_) TRY_VOID(drained_.wait(deadline));
    if (closed_) return fail(Code::cancelled, "queue is closed");
    items_.push_back(std::move(item));
    filled_.notify_one();
    return {};
  }
  // False, and the item is dropped, when there is no room.
  bool try_push(T item) {
    if (closed_ || items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
    filled_.notify_one();
    return true;
  }
  // Errors: timed_out, cancelled; `cancelled` when closed and empty.
  Result<T> pop(Instant deadline = never) {
    while (items_.empty()) {
      if (closed_) return fail(Code::cancelled, "queue is closed");
      TRY_VOID(filled_.wait(deadline));
    }
    T item = std::move(items_.front());
    items_.pop_front();
    drained_.notify_one();
    return item;
  }
  void close() {
    closed_ = true;
    filled_.notify_all();
    drained_.notify_all();
  }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

 private:
  const std::size_t limit_;
  Event filled_, drained_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace perdure::io
