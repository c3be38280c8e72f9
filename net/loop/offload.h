// net/loop/offload.h
//
// Calls that block, off the loop: files, name look-ups, RocksDB.
//
//     fiber ── run(job) ──► queue ──► a thread of the pool ── post ──► fiber goes on
//
// Threads are started when a job finds none idle, up to the pool's size, and then stay;
// they sleep in a futex.  Jobs start in the order of submission.
//
// Stop a pool before the loops that it answers to are destroyed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/fibers.h"
#include "net/loop/loop.h"

namespace perdure::net {

class Pool {
 public:
  // `name` is what `top` shows, up to 15 characters.
  Pool(std::string name, std::size_t threads_max);
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // From any thread.  False once stopped: the job is dropped.
  bool submit(std::move_only_function<void()> job);
  // Lets all submitted jobs end, then the threads.
  void stop();
  std::size_t threads() const;

 private:
  void work();

  const std::string name_;
  const std::size_t threads_max_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::move_only_function<void()>> jobs_;  // these under mutex_
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

// The way of one shard's fibers to a pool.
class Offload {
 public:
  Offload(Loop& loop, Pool& pool) : loop_(loop), pool_(pool) {}

  // Parks the fiber while `job` runs elsewhere; no cancel cuts it short, so it may
  // borrow from the caller's stack.  No exception may leave it.
  void run(std::move_only_function<void()> job);

  Loop& loop() const { return loop_; }
  Pool& pool() const { return pool_; }

 private:
  Loop& loop_;
  Pool& pool_;
};

}  // namespace perdure::net
