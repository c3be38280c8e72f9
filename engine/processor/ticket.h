// engine/processor/ticket.h
//
// One fiber that waits for one thing, on its own stack: cheaper than an Event for what
// happens once a request.
#pragma once

#include <optional>
#include <utility>

#include "engine/io/fibers.h"

namespace perdure::processor {

template <class T>
class Ticket {
 public:
  explicit Ticket(io::Fibers& fibers) : fibers_(fibers), waiting_(fibers.self()) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  // The first call counts.
  void resolve(Result<T> with) {
    if (resolved_) return;
    resolved_ = true;
    result_ = std::move(with);
    fibers_.wake(waiting_);
  }
  bool resolved() const { return resolved_; }
  // Errors besides those it is resolved with: timed_out, cancelled.
  Result<T> wait(Instant deadline) {
    while (!result_) {
      switch (fibers_.park(deadline)) {
        case io::Woken::by_waker: break;
        case io::Woken::by_deadline:
          if (!result_) return fail(Code::timed_out, "deadline passed");
          break;
        case io::Woken::by_cancel:
          if (!result_) return fail(Code::cancelled, "caller is gone");
          break;
      }
    }
    return std::move(*result_);
  }

 private:
  io::Fibers& fibers_;
  const io::FiberId waiting_;
  bool resolved_ = false;
  std::optional<Result<T>> result_;
};

}  // namespace perdure::processor
