#include "net/crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <string_view>

#include "engine/base/check.h"

namespace perdure::net {
namespace {

thread_local const host::Scheduler* fibers_of_this_thread = nullptr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// Only what a signal handler may do: no allocation, no locks.
void say(std::string_view text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

void report(int signal, siginfo_t*, void*) {
  say("perdure: ");
  const char* const name = ::sigdescr_np(signal);
  say(name == nullptr ? "fatal signal" : name);
  if (fibers_of_this_thread != nullptr) {
    const std::string_view fiber = fibers_of_this_thread->name_of(fibers_of_this_thread->self());
    say(fiber.empty() ? " in a loop" : " in fiber '");
    if (!fiber.empty()) say(fiber), say("' (perhaps its stack overflowed)");
  }
  say("\n");
  // SA_RESETHAND has put the default back: the instruction faults again and kills.
}

}  // namespace

void report_crashes() {
  if (sanitized) return;
  struct sigaction action = {};
  action.sa_sigaction = &report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) {
    ::sigaction(signal, &action, nullptr);
  }
}

CrashStack::CrashStack(const host::Scheduler& scheduler)
    : memory_(sanitized ? nullptr : std::make_unique<std::byte[]>(bytes)) {
  if (sanitized) return;
  stack_t stack = {};
  stack.ss_sp = memory_.get();
  stack.ss_size = bytes;
  const bool installed = ::sigaltstack(&stack, nullptr) == 0;
  CHECK(installed);
  fibers_of_this_thread = &scheduler;
}

CrashStack::~CrashStack() {
  if (sanitized) return;
  fibers_of_this_thread = nullptr;
  stack_t none = {};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace perdure::net
