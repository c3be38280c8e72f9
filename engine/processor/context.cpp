#include "engine/processor/context.h"

#include <algorithm>

#include "engine/base/match.h"
#include "engine/processor/future.h"
#include "engine/processor/state_version.h"

namespace perdure::processor {
namespace {

constexpr std::size_t chunk_bytes = 32 * 1024;  // a tail that reaches it becomes a chunk

// What is in our own rows decodes, or the disk lied past every checksum.
template <wire::Message T>
T row_of(const std::string& bytes) {
  Result<T> row = wire::decode<T>(bytes);
  CHECK(row.has_value());
  return std::move(*row);
}

// Over a row that was read; others are put() blindly.
template <wire::Message T>
void rewrite(tables::Store& store, std::string_view key, const T& row) {
  std::string& bytes = store.edit(key);
  bytes.clear();
  wire::encode_to(bytes, row);
}

bool is_failure(const wire::NotificationResult& result) {
  return std::holds_alternative<wire::Failure>(result);
}

void note(IntervalSet& present, IntervalSet& failures, std::uint32_t number, bool failed) {
  present.insert(number);
  if (failed) failures.insert(number);
}

// False when a completion was there before.
bool note_presence(tables::JournalRow& journal, const wire::Notification& notification) {
  const bool failed = is_failure(notification.result);
  switch (notification.id.index()) {
    case 1: {
      const std::uint32_t id = std::get<1>(notification.id);
      if (journal.completions.contains(id)) return false;
      note(journal.completions, journal.failures, id, failed);
      return true;
    }
    case 2:
      note(journal.signals, journal.failed_signals, std::get<2>(notification.id), failed);
      return true;
    case 3:
      journal.named_signals.push_back({.name = std::get<3>(notification.id), .failed = failed});
      return true;
    default: return false;
  }
}

// A cancel counts for the attempt it reaches, not for those after: a handler that caught
// it may go on and wait again.
void forget_cancel(tables::JournalRow& journal) {
  if (!journal.signals.contains(wire::cancel_signal)) return;
  IntervalSet rest;
  for (const auto& interval : journal.signals.intervals()) {
    for (std::uint64_t n = interval.first; n <= interval.last; ++n) {
      if (n != wire::cancel_signal) rest.insert(n);
    }
  }
  journal.signals = std::move(rest);
}

WallTime later_by(WallTime from, std::chrono::milliseconds by) {
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 1000);
  return from + std::clamp(by, std::chrono::milliseconds(0), longest);
}

}  // namespace

// --- rows -----------------------------------------------------------------------------

Live* Context::live(const wire::InvocationId& id) {
  for (const auto& known : lives_) {
    if (known->id == id) return known->exists ? known.get() : nullptr;
  }
  const std::string* bytes = store.get(tables::live_key(id));
  if (!bytes) return nullptr;
  lives_.push_back(std::make_unique<Live>());
  Live& found = *lives_.back();
  found.id = id;
  found.exists = true;
  found.row = row_of<tables::InvocationRow>(*bytes);
  return &found;
}

Live& Context::begin(const wire::InvocationId& id) {
  for (const auto& known : lives_) {  // one that ended in this record
    if (known->id == id) return *known = Live{.id = id, .exists = true, .changed = true};
  }
  lives_.push_back(std::make_unique<Live>());
  return *lives_.back() = Live{.id = id, .exists = true, .changed = true};
}

tables::InvocationRow& Context::change(Live& live) {
  live.changed = true;
  live.row.times.modified = at;
  return live.row;
}

std::optional<tables::EndedRow> Context::ended(const wire::InvocationId& id) {
  const std::string* bytes = store.get(tables::ended_key(id));
  if (!bytes) return std::nullopt;
  return row_of<tables::EndedRow>(*bytes);
}

bool Context::kept(const tables::EndedRow& row) const {
  return row.kept_until > at && tables::bucket_of(row.kept_until) >= partition.dropped_buckets;
}

wire::Outcome Context::outcome_of(const wire::InvocationId& id, const tables::EndedRow& ended) {
  const std::string* bytes =
      store.get(tables::completed_key(tables::bucket_of(ended.kept_until), id));
  if (!bytes) return not_found();
  return row_of<tables::CompletedRow>(*bytes).invocation.output;
}

void Context::put_rows() {
  for (const auto& live : lives_) {
    if (!live->changed) continue;
    if (live->exists) {
      rewrite(store, tables::live_key(live->id), live->row);
    } else {
      store.erase(tables::live_key(live->id));
    }
  }
}

// --- journal --------------------------------------------------------------------------

void Context::append_frame(Live& live, wire::MessageType type, std::string_view payload) {
  tables::JournalRow& journal = change(live).journal;
  const tables::Key tail_key = tables::journal_tail_key(live.id);
  std::string& tail = store.edit(tail_key);
  wire::put_frame(tail, type, payload);
  if (!live.stored) {
    live.stored = changes.list.size();
    changes.list.push_back(Stored{.id = live.id, .first = journal.entries});
  }
  wire::put_frame(std::get<Stored>(changes.list[*live.stored]).frames, type, payload);
  journal.entries++;
  if (tail.size() < chunk_bytes) return;
  std::string chunk = std::move(tail);
  tail.clear();
  store.put(tables::journal_chunk_key(live.id, journal.chunks++), std::move(chunk));
}

void Context::append_command(Live& live, wire::MessageType type, std::string_view payload) {
  change(live).journal.commands++;
  append_frame(live, type, payload);
}

void Context::notify(Live& live, wire::MessageType type, const wire::Notification& notification) {
  if (!note_presence(live.row.journal, notification)) return;
  append_frame(live, type, wire::encode(notification));
  const auto* suspended = std::get_if<tables::Suspended>(&live.row.status);
  if (!suspended) return;
  if (settle(suspended->awaiting, live.row.journal) != Settled::open) resume(live);
}

void Context::complete(Live& live, wire::MessageType type, std::uint32_t completion_id,
                       wire::NotificationResult result) {
  notify(live, type, wire::Notification::of_completion(completion_id, std::move(result)));
}

void Context::drop_journal(const wire::InvocationId& id, std::uint32_t chunks) {
  for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) {
    store.erase(tables::journal_chunk_key(id, chunk));
  }
  store.erase(tables::journal_tail_key(id));
}

// Its commands had their effects when they were first carried out: here they only count.
void Context::take_journal(Live& live, const std::string& frames) {
  tables::InvocationRow& row = change(live);
  std::string_view rest = frames;
  while (const auto frame = wire::next_frame(rest)) {
    row.journal.entries++;
    if (wire::is_notification(frame->header.type)) {
      note_presence(row.journal, row_of<wire::Notification>(std::string(frame->payload)));
      continue;
    }
    row.journal.commands++;
    if (frame->header.type == wire::MessageType::output_command) {
      row.output = row_of<wire::OutputCommand>(std::string(frame->payload)).result;
    }
  }
  const bool is_long = frames.size() >= chunk_bytes;
  if (is_long) store.put(tables::journal_chunk_key(live.id, row.journal.chunks++), frames);
  store.put(tables::journal_tail_key(live.id), is_long ? std::string() : frames);
}

// --- the invocation's life ----------------------------------------------------------------

void Context::admit(Live& live) {
  tables::InvocationRow& row = change(live);
  row.status = tables::Active{};
  if (has_lock(row.target)) {
    tables::LockEdit lock(store.edit(tables::lock_key(tables::object_of(live.id, row.target))));
    if (!lock.idle()) {
      row.times.queued = at;
      row.status =
          tables::Active{.queued_at = lock.push(tables::Waiting::invocation, live.id.bytes())};
      return;
    }
    lock.hold(live.id, at);
  }
  row.times.running = at;
  changes.list.push_back(Run{.id = live.id});
}

bool Context::queued(const Live& live) {
  if (!has_lock(live.row.target) || !std::holds_alternative<tables::Active>(live.row.status)) {
    return false;
  }
  const auto key = tables::lock_key(tables::object_of(live.id, live.row.target));
  const std::string* lock = store.get(key);
  return !lock || !tables::LockView(*lock).held_by(live.id);
}

void Context::resume(Live& live) {
  tables::InvocationRow& row = change(live);
  row.status = tables::Active{};
  forget_cancel(row.journal);
  changes.list.push_back(Run{.id = live.id});
}

void Context::leave_lock(Live& live) {
  if (!has_lock(live.row.target)) return;
  if (std::holds_alternative<tables::Scheduled>(live.row.status)) return;
  const tables::ObjectName object = tables::object_of(live.id, live.row.target);
  const tables::Key key = tables::lock_key(object);
  if (queued(live)) {
    const auto position = std::get<tables::Active>(live.row.status).queued_at;
    tables::LockEdit(store.edit(key)).remove(position, live.id);
    return;
  }
  tables::LockEdit(store.edit(key)).let_go();
  let_next_in(object);
}

// Patches that are next take their turn at once; then the first invocation gets the lock.
void Context::let_next_in(const tables::ObjectName& object) {
  const tables::Key key = tables::lock_key(object);
  while (true) {
    std::string& bytes = store.edit(key);
    tables::LockEdit lock(bytes);
    const auto next = tables::LockView(bytes).next();
    if (!next) return store.erase(key);
    if (next->kind == tables::Waiting::invocation) {
      const Result<wire::InvocationId> id = wire::InvocationId::from_bytes(next->bytes);
      CHECK(id.has_value());
      lock.pop();
      lock.hold(*id, at);
      changes.list.push_back(Run{.id = *id});
      return;
    }
    const auto patch = row_of<wire::PatchState>(std::string(next->bytes));
    lock.pop();
    patch_state(patch);
  }
}

void Context::finish(Live& live, wire::Outcome outcome, Keep wish) {
  tables::InvocationRow& row = change(live);
  for (const auto& sleep : row.open_sleeps) {
    remove_timer({.due = sleep.due, .id = live.id, .completion_id = sleep.completion_id});
  }
  if (const auto* scheduled = std::get_if<tables::Scheduled>(&row.status)) {
    remove_timer({.due = scheduled->due, .kind = wire::TimerKind::start, .id = live.id});
  }
  for (const auto& waiter : row.waiters) respond(waiter, as_result(outcome));
  leave_lock(live);
  const WallTime kept_until =
      wish == Keep::nothing
          ? at
          : later_by(at, std::max(row.retention.completion, row.retention.journal));
  if (kept_until > at) {
    keep(live, outcome, kept_until);
  } else {
    drop_journal(live.id, row.journal.chunks);
    if (is_workflow_run(row.target)) clear_state(tables::object_of(live.id, row.target));
  }
  live.exists = false;
  changes.list.push_back(Stopped{.id = live.id});
  changes.list.push_back(Completed{.id = live.id,
                                   .outcome = std::move(outcome),
                                   .kept_until = kept_until > at ? kept_until : WallTime(),
                                   .service = std::move(row.target.service),
                                   .handler = std::move(row.target.handler)});
}

// Moves what remains of it under the hours in which it may go.
void Context::keep(Live& live, wire::Outcome& outcome, WallTime kept_until) {
  tables::InvocationRow& row = live.row;
  tables::EndedRow ended{.kept_until = kept_until, .chunks = row.journal.chunks};
  if (is_workflow_run(row.target)) ended.workflow = row.target;
  if (row.retention.journal.count() > 0) {
    ended.journal_until = later_by(at, row.retention.journal);
    const tables::Bucket bucket = tables::bucket_of(*ended.journal_until);
    const tables::Key tail_key = tables::journal_tail_key(live.id);
    std::string tail = std::move(store.edit(tail_key));
    store.erase(tail_key);
    store.put(tables::kept_key(bucket, live.id), std::move(tail));
    if (ended.chunks > 0) store.put(tables::long_kept_key(bucket, live.id), {});
    if (kept_until != *ended.journal_until) {
      changes.list.push_back(WillExpire{.bucket = bucket});
    }
  } else {
    drop_journal(live.id, ended.chunks);
    ended.chunks = 0;
  }
  store.put(tables::ended_key(live.id), wire::encode(ended));

  tables::CompletedRow completed{
      .invocation = std::move(row), .completed_at = at, .kept_until = kept_until};
  completed.invocation.status = {};
  completed.invocation.waiters.clear();
  completed.invocation.open_calls.clear();
  completed.invocation.open_sleeps.clear();
  completed.invocation.output = std::move(outcome);
  const tables::Bucket bucket = tables::bucket_of(kept_until);
  store.put(tables::completed_key(bucket, live.id), wire::encode(completed));
  outcome = std::move(completed.invocation.output);
  row = std::move(completed.invocation);
  changes.list.push_back(WillExpire{.bucket = bucket});
}

void Context::kill_calls(const Live& live) {
  for (const auto& call : live.row.open_calls) {
    send_by_outbox(call.callee, {.body = wire::Kill{.id = call.callee}});
  }
}

void Context::forget(const wire::InvocationId& id, const tables::EndedRow& row) {
  const bool dropped_whole = at >= tables::end_of(tables::bucket_of(row.kept_until));
  if (!dropped_whole) {
    store.erase(tables::completed_key(tables::bucket_of(row.kept_until), id));
  }
  if (row.journal_until) {
    const tables::Bucket bucket = tables::bucket_of(*row.journal_until);
    if (at < tables::end_of(bucket)) {
      store.erase(tables::kept_key(bucket, id));
      if (row.chunks > 0) store.erase(tables::long_kept_key(bucket, id));
    }
    if (row.chunks > 0) drop_journal(id, row.chunks);
  }
  if (row.workflow) clear_state(tables::object_of(id, *row.workflow));
  store.erase(tables::ended_key(id));
}

// --- objects ----------------------------------------------------------------------------------

void Context::patch_state(const wire::PatchState& patch) {
  const tables::ObjectName object{.partition_key = wire::keyed_partition_key(patch.target.key),
                                  .service = patch.target.service,
                                  .key = patch.target.key};
  const tables::KeyRange range = tables::state_range(object);
  if (!patch.expected_version.empty()) {
    std::vector<std::pair<std::string, std::string>> now;
    store.visit(range.from, range.to, [&](std::string_view key, const std::string& value) {
      now.emplace_back(tables::state_key_in(key, object), value);
      return true;
    });
    if (state_version(now) != patch.expected_version) return;
  }
  store.erase_range(range.from, range.to);
  for (const auto& [key, value] : patch.state) store.put(tables::state_key(object, key), value);
}

void Context::clear_state(const tables::ObjectName& object) {
  const tables::KeyRange state = tables::state_range(object);
  store.erase_range(state.from, state.to);
  const tables::KeyRange promises = tables::promise_range(object);
  store.erase_range(promises.from, promises.to);
}

// --- timers -------------------------------------------------------------------------------------

void Context::add_timer(const tables::Timer& timer) {
  store.put(tables::timer_key(timer), {});
  changes.list.push_back(TimerAdded{.timer = timer});
}

void Context::remove_timer(const tables::Timer& timer) {
  store.erase(tables::timer_key(timer));
  changes.list.push_back(TimerRemoved{.timer = timer});
}

// --- to other invocations -----------------------------------------------------------------------

void Context::send(const wire::InvocationId& to, wire::Command command) {
  if (owner.owns(to.partition_key)) {
    pending_.push_back(std::move(command));
  } else {
    send_by_outbox(to, std::move(command));
  }
}

void Context::send_by_outbox(const wire::InvocationId& to, wire::Command command) {
  const std::uint64_t seq = partition.outbox_next++;
  store.put(
      tables::outbox_key(seq),
      wire::encode(tables::OutboxRow{.to = wire::partition_of(to.partition_key, owner.partitions),
                                     .command = std::move(command)}));
  changes.list.push_back(OutboxGrew{.seq = seq});
}

void Context::respond(const wire::Waiter& waiter, wire::NotificationResult result) {
  send(waiter.invocation, {.body = wire::Respond{.to = waiter, .result = std::move(result)}});
}

std::optional<wire::Command> Context::take_pending() {
  if (pending_.empty()) return std::nullopt;
  wire::Command next = std::move(pending_.front());
  pending_.pop_front();
  return next;
}

// --- words ---------------------------------------------------------------------------------------

wire::NotificationResult as_result(const wire::Outcome& outcome) {
  return match(
      outcome, [](const std::monostate&) -> wire::NotificationResult { return wire::Void{}; },
      [](const wire::Value& value) -> wire::NotificationResult { return value; },
      [](const wire::Failure& failure) -> wire::NotificationResult { return failure; });
}

wire::Failure canceled() { return {.code = 409, .message = "canceled"}; }
wire::Failure killed() { return {.code = 409, .message = "killed"}; }
wire::Failure not_found() { return {.code = 404, .message = "not found"}; }
wire::Failure already_invoked() {
  return {.code = 409, .message = "the workflow method was already invoked"};
}

}  // namespace perdure::processor
