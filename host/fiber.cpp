#include "host/fiber.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <boost/context/detail/fcontext.hpp>
#include <cstring>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace perdure::host {
namespace {

namespace context = boost::context::detail;

constexpr std::size_t guard_bytes = 4096;
constexpr int madv_guard_install = 102;  // Linux 6.13; not in Debian 12's headers
constexpr std::uint64_t canary = 0x6e6f7065'64656570;

// A guard by mprotect() splits the mapping in two, and the kernel allows 65,530 a
// process.  The count is of the process, as the limit is.
constexpr int protected_max = 30'000;
std::atomic<int> protected_count = 0;

bool guard(std::byte* page) {
  if (::madvise(page, guard_bytes, madv_guard_install) == 0) return true;
  if (protected_count.fetch_add(1) < protected_max) {
    if (::mprotect(page, guard_bytes, PROT_NONE) == 0) return true;
  }
  protected_count.fetch_sub(1);
  return false;
}

void unpoison(const StackMemory& stack) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack.bottom, stack.bytes);  // dead frames leave poison behind
#else
  (void)stack;
#endif
}

// Words from the bottom that were never written.  They are zero: mapped so, and
// cleared by put().  Reading them costs no memory, the kernel shows one zero page.
std::size_t untouched(const StackMemory& stack) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(stack.bottom);
  const std::size_t count = stack.bytes / sizeof(std::uint64_t);
  std::size_t word = stack.guarded ? 0 : 1;
  while (word < count && words[word] == 0) ++word;
  return word * sizeof(std::uint64_t);
}

std::uint64_t& canary_of(const StackMemory& stack) {
  return *reinterpret_cast<std::uint64_t*>(stack.bottom);
}

void check_canary(const StackMemory& stack) {
  const bool a_fiber_overflowed_its_stack = !stack.guarded && canary_of(stack) != canary;
  CHECK(!a_fiber_overflowed_its_stack);
}

// Where the runtime keeps this thread's exceptions.  Fibers stay on their thread, and the
// look-up costs as much as the rest of a switch.
void* exceptions_of_thread() {
  thread_local void* const globals = abi::__cxa_get_globals();
  return globals;
}

void enter_begins([[maybe_unused]] void** fake, [[maybe_unused]] const void* bottom,
                  [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake, bottom, bytes);
#endif
}

void enter_ends([[maybe_unused]] void* fake, [[maybe_unused]] const void** from_bottom,
                [[maybe_unused]] std::size_t* from_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, from_bottom, from_bytes);
#endif
}

void tsan_switch([[maybe_unused]] void* to) {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to, 0);
#endif
}

void* tsan_self() {
#if defined(__SANITIZE_THREAD__)
  return __tsan_get_current_fiber();
#else
  return nullptr;
#endif
}

void* tsan_create() {
#if defined(__SANITIZE_THREAD__)
  return __tsan_create_fiber(0);
#else
  return nullptr;
#endif
}

void tsan_destroy([[maybe_unused]] void* fiber) {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(fiber);
#endif
}

}  // namespace

StackPool::~StackPool() {
  for (auto& list : unused_) {
    for (const StackMemory& stack : list) {
      ::munmap(stack.bottom - guard_bytes, stack.bytes + guard_bytes);
    }
  }
}

StackMemory StackPool::take(io::Stack size) {
  auto& unused = unused_[static_cast<std::size_t>(size)];
  if (!unused.empty()) {
    const StackMemory stack = unused.back();
    unused.pop_back();
    return stack;
  }
  const std::size_t bytes = size == io::Stack::large ? large_stack_bytes : normal_stack_bytes;
  void* const memory = ::mmap(nullptr, guard_bytes + bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  const bool there_is_memory_for_a_stack = memory != MAP_FAILED;
  CHECK(there_is_memory_for_a_stack);
  // Neighbouring stacks look like one big mapping: a huge page would give 2 MiB to each.
  ::madvise(memory, guard_bytes + bytes, MADV_NOHUGEPAGE);
  auto* const lowest = static_cast<std::byte*>(memory);
  ++mapped_;
  StackMemory stack = {.bottom = lowest + guard_bytes, .bytes = bytes, .size = size};
  stack.guarded = guard(lowest);
  if (!stack.guarded) canary_of(stack) = canary;
  return stack;
}

void StackPool::put(StackMemory stack) {
  unpoison(stack);
  check_canary(stack);
  auto& unused = unused_[static_cast<std::size_t>(stack.size)];
  if (unused.size() >= resident_max) {
    ::madvise(stack.bottom, stack.bytes, MADV_DONTNEED);  // reads as zeros from here on
    if (!stack.guarded) canary_of(stack) = canary;
  } else if (stacks_measured) {
    const std::size_t clean = untouched(stack);
    std::memset(stack.bottom + clean, 0, stack.bytes - clean);
  }
  unused.push_back(stack);
}

std::size_t StackPool::high_water(const StackMemory& stack) {
  if (!stacks_measured) return 0;
  unpoison(stack);
  return stack.bytes - untouched(stack);
}

struct Fiber::Start {
  // The first frame of every fiber.
  static void run(context::transfer_t from) noexcept {
    auto* const self = static_cast<Fiber*>(from.data);
    enter_ends(nullptr, &self->loop_bottom_, &self->loop_bytes_);
    self->loop_context_ = from.fctx;
    self->entry_(self->argument_);
    self->state_ = State::ended;
    self->leave_fiber(true);
    UNREACHABLE();
  }
};

Fiber::~Fiber() { CHECK(state_ != State::alive); }

void Fiber::begin(StackMemory stack, Entry entry, void* argument) {
  CHECK(state_ == State::unborn);
  stack_ = stack;
  entry_ = entry;
  argument_ = argument;
  exceptions_ = {};
  context_ = context::make_fcontext(stack.top(), stack.bytes, &Start::run);
  tsan_ = tsan_create();
  state_ = State::alive;
}

void Fiber::resume() {
  CHECK(state_ == State::alive);
  auto* const current = static_cast<Exceptions*>(exceptions_of_thread());
  const Exceptions of_loop = std::exchange(*current, exceptions_);
  void* fake = nullptr;
  enter_begins(&fake, stack_.bottom, stack_.bytes);
  loop_tsan_ = tsan_self();
  tsan_switch(tsan_);
  const context::transfer_t back = context::jump_fcontext(context_, this);
  enter_ends(fake, nullptr, nullptr);
  context_ = back.fctx;
  exceptions_ = std::exchange(*current, of_loop);
}

void Fiber::suspend() {
  check_canary(stack_);
  leave_fiber(false);
}

void Fiber::leave_fiber(bool for_ever) {
  void* fake = nullptr;
  // Without a place to save it ASAN frees the fake stack: right for the last switch only.
  enter_begins(for_ever ? nullptr : &fake, loop_bottom_, loop_bytes_);
  tsan_switch(loop_tsan_);
  const context::transfer_t back = context::jump_fcontext(loop_context_, nullptr);
  enter_ends(fake, &loop_bottom_, &loop_bytes_);
  loop_context_ = back.fctx;
}

StackMemory Fiber::bury() {
  CHECK(state_ == State::ended);
  tsan_destroy(std::exchange(tsan_, nullptr));
  state_ = State::unborn;
  return std::exchange(stack_, {});
}

}  // namespace perdure::host
