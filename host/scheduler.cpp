#include "host/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>

namespace perdure::host {
namespace {

// Unwinds a fiber of a node that crashed.  Nobody else may throw or catch it, and it
// derives from nothing, so that no handler of std::exception takes it for an error.
struct NodeKilled {};

[[noreturn]] void escaped(std::string_view fiber, std::string_view what) {
  std::cerr << "fiber '" << fiber << "' was left by an exception: " << what << std::endl;
  std::abort();
}

}  // namespace

Scheduler::Scheduler(const io::Clock& clock, StackPool* stacks)
    : clock_(clock),
      own_stacks_(stacks == nullptr ? std::make_unique<StackPool>() : nullptr),
      stacks_(stacks == nullptr ? *own_stacks_ : *stacks),
      roots_(*this) {}

Scheduler::~Scheduler() { kill_all(); }

// --- fibers come and go ---

void Scheduler::start(io::Group& owner, std::string_view name, std::move_only_function<void()> body,
                      io::Stack stack) {
  if (killing_) return;
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->index = unused_.back();
  }
  Slot& slot = *slots_[unused_.back()];
  unused_.pop_back();
  slot.name.assign(name);
  slot.body = std::move(body);
  slot.owner = &owner;
  slot.stack = stack;
  slot.cancelled = false;
  slot.was_parked = false;
  slot.started = ++starts_;
  slot.since = now();
  ++live_;
  owner.entered(slot.id());
  make_ready(slot, Director::Ready::started);
}

void Scheduler::spawn_root(std::string_view name, std::move_only_function<void()> body,
                           io::Stack stack) {
  roots_.start(name, std::move(body), stack);
}

// The whole life of a fiber, on its own stack.
void Scheduler::enter(void* self) {
  Slot& slot = static_cast<Scheduler*>(self)->running();
  try {
    slot.body();
  } catch (const NodeKilled&) {
  } catch (const std::exception& error) {
    escaped(slot.name, error.what());
  }
  slot.body = nullptr;  // what it captured ends here, before join() of the group returns
}

void Scheduler::finish(Slot& slot) {
  if (slot.fiber.begun()) {
    const StackMemory stack = slot.fiber.bury();
    if (stacks_measured) {
      std::size_t& deepest = stack_use_[slot.name];
      deepest = std::max(deepest, StackPool::high_water(stack));
    }
    stacks_.put(stack);
  }
  const io::FiberId gone = slot.id();
  drop_alarm(slot);
  slot.state = State::unused;
  if (++slot.life == 0) slot.life = 1;
  io::Group& owner = *std::exchange(slot.owner, nullptr);
  unused_.push_back(slot.index);
  --live_;
  owner.left(gone);
}

Scheduler::Slot* Scheduler::find(io::FiberId fiber) const {
  if (fiber.life == 0 || fiber.slot >= slots_.size()) return nullptr;
  Slot& slot = *slots_[fiber.slot];
  return slot.life == fiber.life && slot.state != State::unused ? &slot : nullptr;
}

Scheduler::Slot& Scheduler::running() const {
  const bool called_on_a_fiber = running_ != nullptr;
  CHECK(called_on_a_fiber);
  return *running_;
}

io::FiberId Scheduler::self() const { return running_ == nullptr ? io::FiberId() : running_->id(); }

// --- waiting ---

io::Woken Scheduler::park(Instant deadline, io::Heed heed) {
  Slot& slot = running();
  if (slot.cancelled && heed == io::Heed::cancel && !killing_) return io::Woken::by_cancel;
  slot.heed = heed;
  slot.deadline = deadline;
  slot.since = now();
  if (!killing_ && deadline != io::never) set_alarm(slot, deadline);
  slot.was_parked = true;
  leave(slot, State::parked);
  return slot.woken;
}

void Scheduler::yield() {
  Slot& slot = running();
  slot.was_parked = false;
  if (!killing_) yielded_.push_back(slot.id());
  leave(slot, State::yielded);
}

void Scheduler::turn_end() {
  Slot& slot = running();
  slot.was_parked = false;
  if (!killing_) at_turn_end_.push_back(slot.id());
  leave(slot, State::at_turn_end);
}

// The only place where a fiber stops, and so the only one where it is killed.
void Scheduler::leave(Slot& slot, State state) {
  if (!killing_) {
    slot.state = state;
    slot.fiber.suspend();
  }
  if (killing_) {
    const bool a_destructor_parked = std::uncaught_exceptions() > 0;
    CHECK(!a_destructor_parked);
    throw NodeKilled();
  }
}

void Scheduler::wake(io::FiberId fiber) {
  Slot* const slot = find(fiber);
  if (slot == nullptr || killing_) return;
  if (slot->state == State::parked) unpark(*slot, io::Woken::by_waker);
  if (slot->state == State::ready && slot->was_parked) slot->woken = io::Woken::by_waker;
}

void Scheduler::cancel(io::FiberId fiber) {
  Slot* const slot = find(fiber);
  if (slot == nullptr || killing_) return;
  slot->cancelled = true;
  if (slot->state == State::parked && slot->heed == io::Heed::cancel) {
    unpark(*slot, io::Woken::by_cancel);
  }
}

void Scheduler::unpark(Slot& slot, io::Woken why) {
  drop_alarm(slot);
  slot.woken = why;
  make_ready(slot,
             why == io::Woken::by_cancel ? Director::Ready::cancelled : Director::Ready::woken);
}

void Scheduler::make_ready(Slot& slot, Director::Ready why) {
  slot.state = State::ready;
  ready_.push_back(slot.id());
  if (director_ != nullptr) director_->ready(slot.id(), slot.name, why);
}

// --- running ---

void Scheduler::run_ready() {
  const bool called_by_the_loop = running_ == nullptr && !killing_;
  CHECK(called_by_the_loop);
  while (true) {
    while (has_ready()) step(*find(take_next()));
    if (at_turn_end_.empty()) break;
    release(at_turn_end_);
  }
  release(yielded_);
}

void Scheduler::release(std::vector<io::FiberId>& waiting) {
  for (const io::FiberId fiber : waiting) make_ready(*find(fiber), Director::Ready::later);
  waiting.clear();
}

io::FiberId Scheduler::take_next() {
  std::size_t place = ready_head_;
  if (director_ != nullptr) {
    place += director_->pick(std::span(ready_).subspan(ready_head_));
    CHECK(place < ready_.size());
  }
  const io::FiberId chosen = ready_[place];
  // The others keep their order; first in, first out moves nothing.
  std::move_backward(ready_.begin() + static_cast<std::ptrdiff_t>(ready_head_),
                     ready_.begin() + static_cast<std::ptrdiff_t>(place),
                     ready_.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  ++ready_head_;
  if (ready_head_ == ready_.size()) {
    ready_.clear();
    ready_head_ = 0;
  } else if (ready_head_ >= 4096 && ready_head_ * 2 >= ready_.size()) {
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(ready_head_));
    ready_head_ = 0;
  }
  return chosen;
}

void Scheduler::step(Slot& slot) {
  CHECK(slot.state == State::ready);
  const io::FiberId fiber = slot.id();
  slot.state = State::running;
  ++steps_;
  if (director_ != nullptr) director_->before_step(fiber, slot.name);
  resume(slot);
  if (director_ != nullptr) director_->after_step(fiber);
  if (slot.fiber.ended()) finish(slot);
}

void Scheduler::resume(Slot& slot) {
  if (!slot.fiber.begun()) slot.fiber.begin(stacks_.take(slot.stack), &enter, this);
  do {
    if (loop_work_) std::exchange(loop_work_, nullptr)();
    running_ = &slot;
    slot.fiber.resume();
    running_ = nullptr;
  } while (loop_work_);
}

void Scheduler::on_loop_stack(std::move_only_function<void()> work) {
  Slot& slot = running();
  loop_work_ = std::move(work);
  slot.fiber.suspend();
}

// --- deadlines ---

bool Scheduler::later(const Alarm& a, const Alarm& b) {
  return a.at != b.at ? a.at > b.at : a.number > b.number;
}

bool Scheduler::stale(const Alarm& alarm) const {
  return slots_[alarm.slot]->alarm != alarm.number;
}

void Scheduler::set_alarm(Slot& slot, Instant at) {
  slot.alarm = ++alarm_numbers_;
  alarms_.push_back({.at = at, .number = slot.alarm, .slot = slot.index});
  std::ranges::push_heap(alarms_, later);
}

void Scheduler::drop_alarm(Slot& slot) {
  if (slot.alarm == 0) return;
  slot.alarm = 0;
  ++stale_alarms_;
  if (stale_alarms_ < 64 || stale_alarms_ * 2 < alarms_.size()) return;
  std::erase_if(alarms_, [this](const Alarm& alarm) { return stale(alarm); });
  std::ranges::make_heap(alarms_, later);
  stale_alarms_ = 0;
}

void Scheduler::pop_alarm() {
  std::ranges::pop_heap(alarms_, later);
  alarms_.pop_back();
}

std::optional<Instant> Scheduler::next_deadline() {
  if (has_ready()) return now();
  while (!alarms_.empty() && stale(alarms_.front())) {
    pop_alarm();
    --stale_alarms_;
  }
  if (alarms_.empty()) return std::nullopt;
  return alarms_.front().at;
}

void Scheduler::fire_deadlines(Instant now) {
  while (!alarms_.empty() && alarms_.front().at <= now) {
    const Alarm alarm = alarms_.front();
    pop_alarm();
    if (stale(alarm)) {
      --stale_alarms_;
      continue;
    }
    Slot& slot = *slots_[alarm.slot];
    slot.alarm = 0;
    unpark(slot, io::Woken::by_deadline);
  }
}

// --- the end, and looking in ---

void Scheduler::kill_all() {
  const bool called_by_the_loop = running_ == nullptr && !killing_;
  CHECK(called_by_the_loop);
  killing_ = true;
  std::vector<Slot*> victims;
  for (const auto& slot : slots_) {
    if (slot->state != State::unused) victims.push_back(slot.get());
  }
  std::ranges::sort(victims, std::greater(), &Slot::started);
  for (Slot* const slot : victims) {
    if (slot->fiber.begun()) {
      resume(*slot);
      const bool a_killed_fiber_lives_on = !slot->fiber.ended();
      CHECK(!a_killed_fiber_lives_on);
    }
    slot->body = nullptr;
    finish(*slot);
  }
  ready_.clear();
  ready_head_ = 0;
  yielded_.clear();
  at_turn_end_.clear();
  alarms_.clear();
  stale_alarms_ = 0;
  killing_ = false;
}

std::vector<Scheduler::Waiting> Scheduler::parked() const {
  std::vector<const Slot*> found;
  for (const auto& slot : slots_) {
    if (slot->state == State::parked) found.push_back(slot.get());
  }
  std::ranges::sort(found, {}, &Slot::started);
  std::vector<Waiting> waiting;
  for (const Slot* slot : found) {
    waiting.push_back({.fiber = slot->id(),
                       .name = slot->name,
                       .since = slot->since,
                       .deadline = slot->deadline});
  }
  return waiting;
}

std::string_view Scheduler::name_of(io::FiberId fiber) const {
  const Slot* const slot = find(fiber);
  return slot == nullptr ? std::string_view() : slot->name;
}

}  // namespace perdure::host
