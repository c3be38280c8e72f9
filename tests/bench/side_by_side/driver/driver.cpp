#include "driver.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "clock.h"

namespace bench {
namespace {

constexpr std::uint64_t ms = 1000;
constexpr std::uint64_t line_is_down = 5 * ms, after_an_error = 10 * ms, same_again = 20 * ms,
                        dial_again = 20 * ms;
// A probe asks for when the server is there.
constexpr std::uint64_t probe_again = 3 * ms, probe_dials_again = 2 * ms;

}  // namespace

Driver::Driver(const Options& options) : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  // Who sends again begins with one node, so that it is known which is to be lost.
  const bool all_to_the_first = options.retry || options.scenario == Scenario::probe;
  for (int i = 0; i < options.connections; ++i) {
    Line& line = lines_.emplace_back(*this, epoll_, options.quickack);
    if (!all_to_the_first) line.target = static_cast<std::size_t>(i) % options.targets.size();
  }
  for (int i = 0; i < options.concurrency; ++i) {
    Slot& slot = slots_.emplace_back();
    slot.line = &lines_[static_cast<std::size_t>(i) % lines_.size()];
    slot.line->slots.push_back(&slot);
  }
}

Driver::~Driver() {
  lines_.clear();
  close(epoll_);
}

void Driver::run(Workload& workload, Tally& tally, Until until) {
  workload_ = &workload;
  tally_ = &tally;
  for (Slot& slot : slots_) {
    slot.state = Slot::State::idle;
    slot.has_request = false;
    if (slot.line->is_up()) go_on(slot);
  }
  while (!over()) {
    const std::uint64_t now = now_us();
    if (now >= until.end) return;
    if (now >= until.stop) workload.stop();
    const bool soon = keep_time(now);
    const int soon_ms = options_.scenario == Scenario::probe ? 1 : 5;
    turn(soon ? soon_ms : 50);
  }
}

bool Driver::over() const {
  return workload_->over() && std::ranges::all_of(slots_, [](const Slot& slot) {
           return slot.state == Slot::State::idle;
         });
}

std::uint64_t Driver::unfinished() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      slots_, [](const Slot& slot) { return slot.state != Slot::State::idle; }));
}

bool Driver::keep_time(std::uint64_t now) {
  bool soon = false;
  for (Line& line : lines_) {
    if (line.is_down() && line.dial_at <= now && !line.dial(options_.targets[line.target])) {
      lose(line);
    }
    soon |= line.is_down();
  }
  for (Slot& slot : slots_) {
    if (slot.state != Slot::State::waits) continue;
    soon = true;
    if (slot.again_at <= now) go_on(slot);
  }
  for (Line& line : lines_) {
    if (line.is_up() && !line.flush()) lose(line);
  }
  return soon;
}

void Driver::turn(int wait_ms) {
  std::array<epoll_event, 256> events;
  const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Line& line = static_cast<Line&>(*static_cast<Connection*>(event.data.ptr));
    if (!line.is_down() && !line.took(event.events)) lose(line);
  }
}

void Driver::lose(Line& line) {
  const bool was_up = line.is_up();
  line.close();
  if (was_up) {
    ++tally_->reconnects;
    for (Slot* const slot : line.slots) {
      if (slot->state == Slot::State::asks) failed(*slot, Tally::no_answer);
    }
  }
  line.target = (line.target + 1) % options_.targets.size();
  line.dial_at = now_us() + (options_.scenario == Scenario::probe ? probe_dials_again : dial_again);
}

void Driver::connected(Connection& connection) {
  for (Slot* const slot : static_cast<Line&>(connection).slots) {
    if (slot->state == Slot::State::idle) go_on(*slot);
  }
}

// --- one slot ---

void Driver::go_on(Slot& slot) {
  if (!slot.has_request) {
    slot.state = Slot::State::idle;
    if (!workload_->next(slot.request)) return;
    slot.has_request = true;
    slot.attempts = 0;
  }
  if (slot.line->is_up()) {
    ask(slot);
  } else {
    wait(slot, line_is_down);
  }
}

void Driver::ask(Slot& slot) {
  if (slot.attempts++ == 0) {
    slot.first_asked_at = now_us();
  } else {
    ++tally_->retries;
  }
  slot.state = Slot::State::asks;
  if (!slot.line->send(slot, options_.targets[slot.line->target])) {
    wait(slot, same_again);
  }
}

void Driver::wait(Slot& slot, std::uint64_t us) {
  slot.state = Slot::State::waits;
  slot.again_at = now_us() + us;
}

void Driver::answered(Exchange& exchange, bool whole) {
  Slot& slot = static_cast<Slot&>(exchange);
  if (!whole) return failed(slot, Tally::no_answer);
  const Verdict verdict = workload_->judge(exchange.request, exchange.status, exchange.answer);
  if (verdict == Verdict::wrong) tally_->wrong(exchange.answer);
  if (verdict != Verdict::right) return failed(slot, exchange.status);
  if (workload_->is_measured()) tally_->right(now_us(), slot.first_asked_at);
  slot.has_request = false;
  go_on(slot);
}

void Driver::failed(Slot& slot, int status) {
  tally_->failed(status, slot.answer);
  const bool probes = options_.scenario == Scenario::probe;
  if (options_.retry || probes || !workload_->is_measured()) {
    return wait(slot, probes ? probe_again : same_again);  // the same request
  }
  workload_->given_up(slot.request);
  slot.has_request = false;
  wait(slot, after_an_error);
}

}  // namespace bench
