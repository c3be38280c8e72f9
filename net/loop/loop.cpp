#include "net/loop/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "engine/base/check.h"

namespace perdure::net {
namespace {

std::chrono::nanoseconds read_clock(clockid_t which) {
  timespec now = {};
  const bool the_clock_is_there = ::clock_gettime(which, &now) == 0;
  CHECK(the_clock_is_there);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

void TurnClock::refresh() {
  steady_ = Instant(read_clock(CLOCK_MONOTONIC));
  wall_ =
      WallTime(std::chrono::duration_cast<std::chrono::milliseconds>(read_clock(CLOCK_REALTIME)));
}

Loop::Loop()
    : scheduler(clock),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(epoll_.open());
  CHECK(bell_.open());
  epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  const bool the_bell_is_heard = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event) == 0;
  CHECK(the_bell_is_heard);
}

void Loop::watch(int fd, Watcher& watcher) {
  epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                       .data = {.ptr = &watcher}};
  const bool watched = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  CHECK(watched);
}

void Loop::unwatch(int fd) {
  const bool unwatched = ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0;
  CHECK(unwatched);
}

void Loop::run() {
  stopping_ = false;
  clock.refresh();
  while (!stopping_) {
    ++turns_;
    scheduler.fire_deadlines(clock.steady());
    scheduler.run_ready();
    wait();
    drain_inbox();
  }
}

// Milliseconds, rounded up: woken early we would turn in vain until the deadline.
int Loop::wait_at_most() {
  const std::optional<Instant> next = scheduler.next_deadline();
  if (!next) return -1;
  const Duration left = *next - clock.steady();
  if (left <= Duration::zero()) return 0;
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<std::int64_t>(whole, std::numeric_limits<int>::max()));
}

void Loop::wait() {
  std::array<epoll_event, 256> events;
  int timeout = wait_at_most();
  if (timeout != 0) {
    // Announce the sleep, then look once more: whoever posted before the announcement
    // is seen here, whoever posts after it rings.
    asleep_.store(true);
    const std::scoped_lock lock(mutex_);
    if (!inbox_.empty()) timeout = 0;
  }
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  asleep_.store(false);
  const bool waited = count >= 0 || errno == EINTR;
  CHECK(waited);
  clock.refresh();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr != nullptr) {
      static_cast<Watcher*>(event.data.ptr)->happened(event.events);
    }
  }
}

void Loop::post(std::move_only_function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    inbox_.push_back(std::move(work));
  }
  if (asleep_.exchange(false)) {
    const std::uint64_t one = 1;
    // Fails only when the count is about to overflow, and then the bell rings anyway.
    [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
  }
}

void Loop::stop() {
  post([this] { stopping_ = true; });
}

bool Loop::drain_inbox() {
  {
    const std::scoped_lock lock(mutex_);
    taken_.swap(inbox_);
  }
  for (auto& work : taken_) work();
  const bool any = !taken_.empty();
  taken_.clear();
  return any;
}

}  // namespace perdure::net
