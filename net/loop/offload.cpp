#include "net/loop/offload.h"

#include <pthread.h>

#include <utility>

namespace perdure::net {

Pool::Pool(std::string name, std::size_t threads_max)
    : name_(std::move(name)), threads_max_(threads_max) {}

bool Pool::submit(std::move_only_function<void()> job) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return false;
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_.size() < threads_max_) {
      threads_.emplace_back([this] { work(); });
      ::pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
    }
  }
  filled_.notify_one();
  return true;
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    filled_.wait(lock, [this] { return stopped_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

void Pool::stop() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    threads.swap(threads_);
  }
  filled_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

std::size_t Pool::threads() const {
  const std::scoped_lock lock(mutex_);
  return threads_.size();
}

void Offload::run(std::move_only_function<void()> job) {
  struct Ticket {
    Loop& loop;
    std::move_only_function<void()> job;
    io::FiberId fiber;
    bool done = false;
  } ticket = {.loop = loop_, .job = std::move(job), .fiber = loop_.scheduler.self()};
  const bool accepted = pool_.submit([&ticket] {
    ticket.job();
    ticket.loop.post([&ticket] {
      ticket.done = true;
      ticket.loop.scheduler.wake(ticket.fiber);
    });
  });
  const bool the_pool_outlives_its_fibers = accepted;
  CHECK(the_pool_outlives_its_fibers);
  while (!ticket.done) loop_.scheduler.park(io::never, io::Heed::deadline_only);
}

}  // namespace perdure::net
