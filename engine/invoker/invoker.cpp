#include "engine/invoker/invoker.h"

#include <algorithm>

#include "engine/base/match.h"
#include "engine/io/clock.h"
#include "engine/io/trace.h"

namespace perdure::invoker {
namespace {

std::uint32_t entries_in(std::string_view frames) {
  std::uint32_t entries = 0;
  while (wire::next_frame(frames)) ++entries;
  return entries;
}

InvocationState state_of(const Live& live) {
  return {.id = live.id,
          .partition = live.partition,
          .in_flight = live.phase == Phase::running,
          .attempts = live.attempts,
          .failures = live.retry.failures(),
          .last_start = live.last_start,
          .next_retry = live.phase == Phase::running ? std::nullopt : live.next_retry,
          .last_failure = live.last_failure,
          .last_deployment = live.last_deployment,
          .last_server = live.last_server};
}

}  // namespace

Invoker::Invoker(io::World& world, Options options, Journal& journal, Schemas& schemas)
    : world_(world),
      options_(std::move(options)),
      shared_{.world = world, .options = options_, .journal = journal, .schemas = schemas},
      watched_(world.fibers),
      fibers_(world.fibers) {}

Invoker::~Invoker() = default;

// --- what the processor says -------------------------------------------------------------

void Invoker::start(PartitionId partition, const wire::InvocationId& id) {
  const auto [found, is_new] = live_.try_emplace(
      id, Live{.partition = partition, .id = id, .retry = RetryState(world_.clock.steady())});
  Live& live = found->second;
  if (is_new) return enqueue(live);
  if (live.wanted) return;
  live.wanted = true;  // what was proposed for its last life is still on its way
  live.retry = RetryState(world_.clock.steady());
  live.retry_at.reset();
  live.next_retry.reset();
}

void Invoker::stored(const wire::InvocationId& id, std::uint32_t index, std::string_view frames) {
  Live* live = find_live(id);
  if (!live) return;
  live->entries_known = std::max(live->entries_known, index + entries_in(frames));
  live->retry.stored(world_.clock.steady());
  if (live->attempt) live->attempt->stored(index, frames);
}

void Invoker::applied(const wire::InvocationId& id) {
  Live* live = find_live(id);
  if (!live || live->outstanding == 0) return;
  --live->outstanding;
  if (live->phase == Phase::settling) settled(*live);
}

void Invoker::stop(const wire::InvocationId& id) {
  Live* live = find_live(id);
  if (!live) return;
  take_off(*live);
  live->wanted = false;
  settled(*live);
  begin_queued();
}

void Invoker::drop_partition(PartitionId partition) {
  for (auto at = live_.begin(); at != live_.end();) {
    Live& live = (at++)->second;
    if (live.partition != partition) continue;
    take_off(live);
    erase(live);
  }
  begin_queued();
}

bool Invoker::retry_now(const wire::InvocationId& id) {
  Live* live = find_live(id);
  if (!live || live->phase != Phase::waiting) return false;
  take_off(*live);
  enqueue(*live);
  return true;
}

void Invoker::shut_down() {
  for (auto& [id, live] : live_) {
    if (live.attempt) live.attempt->supersede();
    live.attempt = nullptr;
  }
  live_.clear();
  queue_.clear();
  retries_.clear();
  fibers_.stop();
  in_flight_ = 0;
}

// --- slots -------------------------------------------------------------------------------

void Invoker::enqueue(Live& live) {
  live.phase = Phase::queued;
  live.next_retry.reset();
  queue_.push_back(live.id);
  begin_queued();
}

bool Invoker::has_slot() const {
  if (in_flight_ >= options_.attempts_max) return false;
  return shared_.bytes_held + options_.attempt_bytes <= options_.bytes_max || in_flight_ == 0;
}

void Invoker::begin_queued() {
  while (!queue_.empty()) {
    Live* live = find_live(queue_.front());
    const bool is_waiting = live && live->phase == Phase::queued;
    if (is_waiting && !has_slot()) break;
    queue_.pop_front();
    if (is_waiting) begin(*live);
  }
  if (starved()) ensure_watch();
}

void Invoker::begin(Live& live) {
  live.phase = Phase::running;
  live.token = ++tokens_;
  live.retry_at.reset();
  ++in_flight_;
  shared_.bytes_held += options_.attempt_bytes;
  world_.trace.count("invoker.attempts");
  fibers_.start("attempt", [this, id = live.id, token = live.token] { run(id, token); });
}

// The fiber of an attempt.  Its slot is free as soon as its Live has settled or was
// taken off; what comes after is only good manners towards the handler.
void Invoker::run(const wire::InvocationId& id, std::uint64_t token) {
  Live* live = find_live(id);
  if (!live || live->phase != Phase::running || live->token != token) {
    shared_.bytes_held -= options_.attempt_bytes;
    return;
  }
  Attempt attempt(shared_, *live);
  live->attempt = &attempt;
  const AttemptEnd end = attempt.run();
  if (!std::holds_alternative<Superseded>(end)) settle(*live, end);
  attempt.leave();
}

void Invoker::settle(Live& live, const AttemptEnd& end) {
  live.attempt = nullptr;
  live.phase = Phase::settling;
  --in_flight_;
  match(
      end,  //
      [&](const Ended&) { live.wanted = false; },
      [&](const Suspended&) { live.retry = RetryState(world_.clock.steady()); },
      [&](const RetryAt& retry) { live.retry_at = retry.at; },
      [&](const GivenUp&) { live.wanted = false, live.outstanding = 0; },
      [&](const Superseded&) { UNREACHABLE(); });
  settled(live);
  begin_queued();
}

// Nobody runs it.  Once all that was proposed is back it may run again, or is forgotten.
void Invoker::settled(Live& live) {
  if (live.outstanding > 0) return;
  if (!live.wanted) return erase(live);
  if (live.retry_at && *live.retry_at > world_.clock.steady()) {
    return wait_until(live, *live.retry_at);
  }
  enqueue(live);
}

// Out of whatever it is in; `settling` afterwards.
void Invoker::take_off(Live& live) {
  if (live.phase == Phase::running) {
    if (live.attempt) live.attempt->supersede();
    live.attempt = nullptr;
    --in_flight_;
  }
  if (live.phase == Phase::waiting) retries_.erase({*live.retry_at, live.id});
  live.phase = Phase::settling;
  live.retry_at.reset();
}

void Invoker::erase(Live& live) { live_.erase(live_.find(live.id)); }

Live* Invoker::find_live(const wire::InvocationId& id) {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : &found->second;
}

// --- retries, and starving ----------------------------------------------------------------

void Invoker::wait_until(Live& live, Instant at) {
  live.phase = Phase::waiting;
  live.retry_at = at;
  retries_.emplace(at, live.id);
  ensure_watch();
}

void Invoker::ensure_watch() {
  if (watching_) return watched_.notify_all();
  watching_ = true;
  fibers_.start("invoker.watch", [this] { watch(); });
}

// One fiber while somebody waits for a time.
void Invoker::watch() {
  while (!fibers_.cancelled()) {
    const Instant now = world_.clock.steady();
    while (!retries_.empty() && retries_.begin()->first <= now) {
      Live* live = find_live(retries_.begin()->second);
      CHECK(live != nullptr);
      retries_.erase(retries_.begin());
      enqueue(*live);
    }
    if (starved()) ask_idle_to_suspend();
    if (retries_.empty() && !starved()) break;
    Instant next = retries_.empty() ? io::never : retries_.begin()->first;
    if (starved()) next = std::min(next, now + options_.idle_at_limit / 4);
    (void)watched_.wait(next);  // whatever woke it, look again
  }
  watching_ = false;
}

// As many as wait for a slot, the longest silent first come by their order of ids.
void Invoker::ask_idle_to_suspend() {
  const Instant before = world_.clock.steady() - options_.idle_at_limit;
  std::size_t asked = 0;
  for (auto& [id, live] : live_) {
    if (asked >= queue_.size()) return;
    if (live.attempt && live.attempt->suspend_if_idle(before)) ++asked;
  }
}

// --- for people ----------------------------------------------------------------------------

std::optional<InvocationState> Invoker::find(const wire::InvocationId& id) const {
  const auto found = live_.find(id);
  if (found == live_.end()) return std::nullopt;
  return state_of(found->second);
}

std::vector<InvocationState> Invoker::list(PartitionId partition,
                                           std::optional<wire::InvocationId> after,
                                           std::size_t limit) const {
  std::vector<InvocationState> found;
  auto at = after ? live_.upper_bound(*after) : live_.begin();
  for (; at != live_.end() && found.size() < limit; ++at) {
    if (at->second.partition == partition) found.push_back(state_of(at->second));
  }
  return found;
}

void Invoker::check_invariants() const {
  std::size_t running = 0;
  for (const auto& [id, live] : live_) {
    if (live.phase == Phase::running) ++running;
    IMPLIES(live.attempt != nullptr, live.phase == Phase::running);
    IMPLIES(live.phase == Phase::running, live.wanted);
    IMPLIES(live.phase == Phase::waiting, retries_.contains({*live.retry_at, id}));
    IMPLIES(live.phase == Phase::queued || live.phase == Phase::waiting, live.outstanding == 0);
    IMPLIES(live.phase == Phase::settling, live.outstanding > 0);
  }
  CHECK(running == in_flight_);
  CHECK(in_flight_ <= options_.attempts_max);
}

}  // namespace perdure::invoker
