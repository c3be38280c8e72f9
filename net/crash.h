// net/crash.h
//
// What a process says when it dies of a fault: which fiber ran.  Fibers' stacks are too
// small for a signal's frame (12 KiB on machines with AMX) and useless when they have
// overflowed, so each thread that runs fibers has another stack for signals.
#pragma once

#include <cstddef>
#include <memory>

#include "host/scheduler.h"

namespace perdure::net {

// For SIGSEGV, SIGBUS, SIGILL and SIGFPE; the process still dies of them, with a core.
// Does nothing under a sanitizer, which does it better.
void report_crashes();

// The signal stack of this thread, and whose fibers run on it.  Lives as long as its loop.
class CrashStack {
 public:
  explicit CrashStack(const host::Scheduler& scheduler);
  ~CrashStack();
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

 private:
  static constexpr std::size_t bytes = 128 * 1024;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace perdure::net
