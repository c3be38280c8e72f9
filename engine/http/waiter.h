// engine/http/waiter.h
//
// Where at most one fiber waits for something to change: io::Event without a queue,
// because a stream has one reader and one writer, and there are many streams.
#pragma once

#include <utility>

#include "engine/base/check.h"
#include "engine/io/fibers.h"

namespace perdure::http {

class Waiter {
 public:
  explicit Waiter(io::Fibers& fibers) : fibers_(fibers) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Look, wait, look again.  Errors: timed_out, cancelled.
  Result<void> wait(Instant deadline, io::Heed heed = io::Heed::cancel) {
    const bool somebody_else_waits = waiting_ != io::FiberId();
    CHECK(!somebody_else_waits);
    waiting_ = fibers_.self();
    const io::Woken woken = fibers_.park(deadline, heed);
    waiting_ = {};
    if (woken == io::Woken::by_waker) return {};
    if (woken == io::Woken::by_deadline) return fail(Code::timed_out, "deadline passed");
    return fail(Code::cancelled, "wait was cancelled");
  }
  void wake() {
    if (waiting_ != io::FiberId()) fibers_.wake(std::exchange(waiting_, {}));
  }

 private:
  io::Fibers& fibers_;
  io::FiberId waiting_;
};

}  // namespace perdure::http
