#include "sdk/attempt.h"

#include <algorithm>
#include <exception>

#include "engine/base/match.h"

namespace perdure::sdk {

namespace {

wire::Future leaf(CompletionId completion) { return {.completions = {completion}}; }

wire::Failure failure_of(const TerminalError& error) {
  wire::Failure failure{.code = error.code(), .message = error.what()};
  for (const auto& [key, value] : error.metadata()) failure.metadata.push_back({key, value});
  return failure;
}

[[noreturn]] void throw_failure(const wire::Failure& failure) {
  std::vector<std::pair<std::string, std::string>> metadata;
  for (const wire::FailureMetadata& entry : failure.metadata) {
    metadata.emplace_back(entry.key, entry.value);
  }
  throw TerminalError(failure.message, failure.code, std::move(metadata));
}

}  // namespace

Attempt::Attempt(const Surroundings& around, io::Exchange& exchange, std::uint32_t version)
    : around_(around), exchange_(exchange), replay_(version) {}

// --- the whole of it ---

void Attempt::run(const std::function<std::string(Attempt&)>& handler) {
  try {
    if (read_journal()) answer(handler);
    flush();
    if (ended_ && around_.observer != nullptr) around_.observer->ended(start().debug_id);
  } catch (const AttemptOver&) {
  }
  finish();
}

// False: what came is no journal.
bool Attempt::read_journal() {
  while (!replay_.ready() && !replay_.over()) receive();
  if (replay_.over()) return false;
  if (around_.observer != nullptr) {
    around_.observer->replayed(start().debug_id, replay_.replayed_frames());
  }
  return true;
}

void Attempt::answer(const std::function<std::string(Attempt&)>& handler) {
  Replay::Answer answer;
  try {
    answer = handler(*this);
  } catch (const TerminalError& error) {
    answer = failure_of(error);
  } catch (const RetryLater& error) {
    return replay_.fail_attempt(500, error.what(), error.after());
  } catch (const std::exception& error) {
    return replay_.fail_attempt(500, error.what());
  }
  replay().end(answer);
  ended_ = replay_.mismatch_found().empty();
}

void Attempt::finish() {
  if (const std::string& found = replay_.mismatch_found(); !found.empty()) {
    around_.trace.event(io::Level::warn, "sdk.journal.mismatched",
                        {{"invocation", start().debug_id}, {"found", found}});
    if (around_.observer != nullptr) around_.observer->mismatched(start().debug_id, found);
  }
  if (broken_) return exchange_.reset();
  exchange_.finish();
}

// --- bytes ---

void Attempt::broke(std::string_view why) {
  broken_ = true;
  around_.trace.event(io::Level::debug, "sdk.attempt.cut_off",
                      {{"invocation", start().debug_id}, {"why", why}});
  throw AttemptOver();
}

void Attempt::flush() {
  if (broken_) throw AttemptOver();
  if (!replay_.has_bytes()) return;
  const std::string bytes = replay_.take();
  const Result<void> written = exchange_.write(bytes, around_.fibers.now() + around_.silence_max);
  if (!written) broke(written.error().detail);
}

void Attempt::receive() {
  const Result<std::string> bytes = exchange_.read(around_.fibers.now() + around_.silence_max);
  if (!bytes) broke(bytes.error().detail);
  if (bytes->empty()) return replay_.closed();
  replay_.received(*bytes);
}

Replay& Attempt::replay() {
  if (replay_.over() || broken_) {
    if (!broken_) flush();
    throw AttemptOver();
  }
  return replay_;
}

WallTime Attempt::wall() const { return around_.clock.wall(); }

// --- waiting ---

Replay::Wait Attempt::progress(const wire::Future& tree, bool in_any_case) {
  while (true) {
    const Replay::Wait now = in_any_case ? replay_.wait_in_any_case(tree) : replay_.wait(tree);
    if (now == Replay::Wait::ready || now == Replay::Wait::cancelled) return now;
    flush();
    if (now == Replay::Wait::over) throw AttemptOver();
    receive();
  }
}

Replay::Outcome Attempt::await(const wire::Future& tree) {
  if (progress(tree, false) == Replay::Wait::cancelled) {
    cancel_open_calls();
    throw Cancelled();
  }
  return *replay_.outcome(tree);
}

// Whom we called and who has not answered before the cancel came is cancelled with us.
void Attempt::cancel_open_calls() {
  const std::uint64_t cancel = replay_.last_cancel();
  for (const Replay::Called& call : std::exchange(open_calls_, {})) {
    const std::optional<Replay::Outcome> answered = replay_.outcome(leaf(call.result));
    if (answered && answered->heard < cancel) continue;
    progress(leaf(call.invocation_id), true);
    const std::string* id = std::get_if<std::string>(&replay_.result(leaf(call.invocation_id)));
    if (id != nullptr) replay().cancel(*id);
  }
}

MaybeBytes Attempt::take(const wire::Future& leaf_of_tree) {
  return match(
      replay_.result(leaf_of_tree), [](const std::monostate&) -> MaybeBytes { return {}; },
      [](const wire::Void&) -> MaybeBytes { return {}; },
      [](const wire::Value& value) -> MaybeBytes { return value.content; },
      [](const wire::Failure& failure) -> MaybeBytes { throw_failure(failure); },
      [](const std::string& invocation) -> MaybeBytes { return invocation; },
      [](const wire::StateKeys& keys) -> MaybeBytes { return wire::encode(keys); });
}

std::string Attempt::invocation_id_of(CompletionId completion) {
  await(leaf(completion));
  return take(leaf(completion)).value_or("");
}

// --- runs ---

std::string Attempt::run_once(std::string_view name, const RunPolicy& policy,
                              const std::function<std::string()>& closure) {
  const bool others_wait = replay().has_bytes();
  const bool met_again = replay().replaying();
  const CompletionId id = replay().run(name);
  if (replay().run_is_due(id)) {
    if (others_wait) flush();
    execute({.id = id, .name = name, .met_again = met_again}, policy, closure);
  }
  await(leaf(id));
  return take(leaf(id)).value_or("");
}

void Attempt::execute(const Run& run, const RunPolicy& policy,
                      const std::function<std::string()>& closure) {
  try {
    std::string value = call_closure(policy, closure);
    replay().ran(run.id, std::move(value));
  } catch (const TerminalError& error) {
    replay().ran(run.id, failure_of(error));
  } catch (const RetryLater& error) {
    retry(error.what(), error.after());
  } catch (const std::exception& error) {
    closure_failed(run, policy, error.what());
  }
  if (around_.observer != nullptr) around_.observer->ran(start().debug_id, run.name);
}

std::string Attempt::call_closure(const RunPolicy& policy,
                                  const std::function<std::string()>& closure) {
  if (!policy.blocks || around_.workers == nullptr) return closure();
  std::string value;
  std::exception_ptr thrown;
  around_.workers->run([&] {
    try {
      value = closure();
    } catch (const std::exception&) {
      thrown = std::current_exception();
    }
  });
  if (thrown) std::rethrow_exception(thrown);
  return value;
}

// Tries again by failing the attempt, so that a pause of hours holds nothing here; the
// server counts.  When it has been enough, the failure is the run's result.
void Attempt::closure_failed(const Run& run, const RunPolicy& policy, const std::string& why) {
  const std::string message = "run '" + std::string(run.name) + "': " + why;
  if (!policy.retries_itself) retry(message, {});
  const std::uint32_t before = run.met_again ? start().retry_count_since_last_stored_entry : 0;
  const auto since = std::chrono::milliseconds(
      run.met_again ? static_cast<std::int64_t>(start().duration_since_last_stored_entry) : 0);
  const bool enough = (policy.attempts_max && before + 1 >= *policy.attempts_max) ||
                      (policy.duration_max && since >= *policy.duration_max);
  if (enough) return replay().ran(run.id, wire::Failure{.code = 500, .message = message});
  auto delay = static_cast<double>(policy.delay.count());
  const auto longest = static_cast<double>(policy.delay_max.count());
  for (std::uint32_t i = 0; i < before && delay < longest; ++i) delay *= policy.delay_factor;
  retry(message, std::chrono::milliseconds(static_cast<std::int64_t>(std::min(delay, longest))));
}

void Attempt::retry(const std::string& why, std::optional<std::chrono::milliseconds> after) {
  replay().fail_attempt(500, why, after);
  flush();
  throw AttemptOver();
}

}  // namespace perdure::sdk
