#include "engine/io/fibers.h"

#include <algorithm>

namespace perdure::io {

Result<void> Fibers::sleep_until(Instant deadline) {
  while (now() < deadline) {
    if (park(deadline) == Woken::by_cancel) return fail(Code::cancelled, "sleep was cancelled");
  }
  return {};
}

void Group::cancel() {
  cancelled_ = true;
  const std::vector<FiberId> members = members_;
  for (FiberId member : members) fibers_.cancel(member);
}

void Group::join() {
  CHECK(joiner_ == FiberId());
  joiner_ = fibers_.self();
  while (!members_.empty()) fibers_.park(never, Heed::deadline_only);
  joiner_ = FiberId();
}

void Group::entered(FiberId member) { members_.push_back(member); }

void Group::left(FiberId member) {
  const auto found = std::ranges::find(members_, member);
  CHECK(found != members_.end());
  *found = members_.back();
  members_.pop_back();
  if (members_.empty() && joiner_ != FiberId()) fibers_.wake(joiner_);
}

void Event::notify_all() {
  const std::deque<FiberId> waiting = std::exchange(waiting_, {});
  for (FiberId fiber : waiting) fibers_.wake(fiber);
}

void Event::notify_one() {
  if (waiting_.empty()) return;
  const FiberId fiber = waiting_.front();
  waiting_.pop_front();
  fibers_.wake(fiber);
}

Result<void> Event::wait(Instant deadline, Heed heed) {
  const FiberId self = fibers_.self();
  waiting_.push_back(self);
  const Woken woken = fibers_.park(deadline, heed);
  if (woken == Woken::by_waker) return {};
  std::erase(waiting_, self);  // nobody took us off
  if (woken == Woken::by_deadline) return fail(Code::timed_out, "deadline passed");
  return fail(Code::cancelled, "wait was cancelled");
}

}  // namespace perdure::io
