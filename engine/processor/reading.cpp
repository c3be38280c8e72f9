#include "engine/processor/reading.h"

#include "engine/base/match.h"
#include "engine/tables/lock.h"
#include "engine/tables/scan.h"

namespace perdure::processor {
namespace {

constexpr std::size_t scan_bytes = 256 * 1024;

template <wire::Message T>
Result<T> row_of(const std::string& bytes) {
  return wire::decode<T>(bytes);
}

State state_of(const tables::InvocationRow& row, bool queued) {
  return match(
      row.status, [](const std::monostate&) { return State::absent; },
      [](const tables::Scheduled&) { return State::scheduled; },
      [&](const tables::Active&) { return queued ? State::queued : State::running; },
      [](const tables::Suspended&) { return State::suspended; },
      [](const tables::Paused&) { return State::paused; });
}

std::uint32_t count_frames(std::string_view frames) {
  std::uint32_t count = 0;
  while (wire::next_frame(frames)) ++count;
  return count;
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::absent: return "absent";
    case State::scheduled: return "scheduled";
    case State::queued: return "queued";
    case State::running: return "running";
    case State::suspended: return "suspended";
    case State::paused: return "paused";
    case State::completed: return "completed";
  }
  return "?";
}

Reader::Reader(tables::Store& store) : store_(store), even_(store), odd_(store) {}

Result<void> Reader::have(const tables::Reads& reads) {
  while (!store_.ready(reads)) {
    if (filled_ >= pins_max) {
      fill_even_ = !fill_even_;
      (fill_even_ ? even_ : odd_).release();
      filled_ = 0;
    }
    filled_ += reads.keys.size() + reads.ranges.size();
    TRY_VOID(store_.prepare(reads, fill_even_ ? even_ : odd_));
  }
  return {};
}

// The live row, and whether it waits for its object.  On return nothing was parked since
// the rows were looked at, so they belong together.
Result<std::optional<Reader::Found>> Reader::live(const wire::InvocationId& id, bool with_journal) {
  tables::Reads reads;
  reads.keys.push_back(tables::live_key(id).str());
  if (with_journal) reads.keys.push_back(tables::journal_tail_key(id).str());
  while (true) {
    TRY_VOID(have(reads));
    const std::string* bytes = store_.get(reads.keys[0]);
    if (!bytes) return std::optional<Found>();
    TRY(row, row_of<tables::InvocationRow>(*bytes));
    if (row.target.handler_type != wire::HandlerType::exclusive ||
        !std::holds_alternative<tables::Active>(row.status)) {
      return std::optional(Found{.row = std::move(row)});
    }
    const std::string lock = tables::lock_key(tables::object_of(id, row.target)).str();
    if (store_.ready({.keys = {lock}, .ranges = {}})) {
      const std::string* held = store_.get(lock);
      const bool queued = !held || !tables::LockView(*held).held_by(id);
      return std::optional(Found{.row = std::move(row), .queued = queued});
    }
    reads.keys.push_back(lock);
  }
}

Result<bool> Reader::runs(const wire::InvocationId& id) {
  TRY(found, live(id, false));
  return found && state_of(found->row, found->queued) == State::running;
}

Result<InvocationStatus> Reader::status(const wire::InvocationId& id, WallTime now) {
  TRY(found, live(id, false));
  if (found) {
    return InvocationStatus{.state = state_of(found->row, found->queued),
                            .random_seed = found->row.random_seed,
                            .service = found->row.target.service,
                            .handler = found->row.target.handler,
                            .deployment = found->row.deployment,
                            .protocol_version = found->row.protocol_version};
  }
  TRY(ended_bytes, store_.read(tables::ended_key(id)));
  if (!ended_bytes) return InvocationStatus();
  TRY(ended, row_of<tables::EndedRow>(*ended_bytes));
  if (ended.kept_until <= now) return InvocationStatus();
  TRY(bytes, store_.read(tables::completed_key(tables::bucket_of(ended.kept_until), id)));
  if (!bytes) return InvocationStatus();
  TRY(row, row_of<tables::CompletedRow>(*bytes));
  return InvocationStatus{.state = State::completed,
                          .random_seed = row.invocation.random_seed,
                          .service = std::move(row.invocation.target.service),
                          .handler = std::move(row.invocation.target.handler),
                          .outcome = std::move(row.invocation.output),
                          .kept_until = row.kept_until};
}

Result<std::string> Reader::journal(const wire::InvocationId& id, const tables::JournalRow& row) {
  if (row.chunks == 0) {  // live() has made the tail ready
    const std::string* tail = store_.get(tables::journal_tail_key(id));
    return tail ? *tail : std::string();
  }
  return chunks(id);
}

Result<std::string> Reader::chunks(const wire::InvocationId& id) {
  const tables::KeyRange range = tables::journal_range(id);
  std::string frames;
  TRY(scan, store_.scan(range.from, range.to));
  while (true) {
    auto rows = scan->next(scan_bytes);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return frames;
    for (const auto& [key, chunk] : *rows) frames += chunk;
  }
}

// The tail is read last: as long as it is there, the chunks before it were.
Result<std::string> Reader::kept_journal(const wire::InvocationId& id,
                                         const tables::EndedRow& ended, WallTime now) {
  if (!ended.journal_until || *ended.journal_until <= now) return std::string();
  std::string frames;
  if (ended.chunks > 0) {
    TRY(before, chunks(id));
    frames = std::move(before);
  }
  TRY(tail, store_.read(tables::kept_key(tables::bucket_of(*ended.journal_until), id)));
  if (!tail) return std::string();
  return frames + *tail;
}

Result<Past> Reader::past(const wire::InvocationId& id, WallTime now) {
  TRY(ended_bytes, store_.read(tables::ended_key(id)));
  if (!ended_bytes) return fail(Code::not_found, "it has not completed, or is forgotten");
  TRY(ended, row_of<tables::EndedRow>(*ended_bytes));
  if (ended.kept_until <= now) return fail(Code::not_found, "it is forgotten");
  TRY(bytes, store_.read(tables::completed_key(tables::bucket_of(ended.kept_until), id)));
  if (!bytes) return fail(Code::not_found, "it is forgotten");
  TRY(row, row_of<tables::CompletedRow>(*bytes));
  TRY(frames, kept_journal(id, ended, now));
  tables::InvocationRow& was = row.invocation;
  if (count_frames(frames) != was.journal.entries) frames.clear();  // it went while we looked
  return Past{.target = std::move(was.target),
              .retention = was.retention,
              .deployment = was.deployment,
              .protocol_version = was.protocol_version,
              .random_seed = was.random_seed,
              .traceparent = std::move(was.traceparent),
              .frames = std::move(frames)};
}

Result<void> Reader::add_state(const tables::ObjectName& object, std::uint64_t bytes_max,
                               Replay& replay) {
  if (bytes_max == 0) return {};
  const tables::KeyRange range = tables::state_range(object);
  TRY_VOID(have({.keys = {}, .ranges = {range}}));
  replay.state_is_partial = false;
  std::uint64_t bytes = 0;
  store_.visit(range.from, range.to, [&](std::string_view key, const std::string& value) {
    const std::string_view name = tables::state_key_in(key, object);
    bytes += name.size() + value.size();
    replay.state_is_partial = bytes > bytes_max;
    if (replay.state_is_partial) return false;
    replay.state.push_back({.key = std::string(name), .value = value});
    return true;
  });
  return {};
}

Result<Replay> Reader::replay(const wire::InvocationId& id, std::uint64_t state_bytes_max) {
  TRY(found, live(id, true));
  if (!found || state_of(found->row, found->queued) != State::running) {
    return fail(Code::not_found, "it is not running");
  }
  tables::InvocationRow& row = found->row;
  Replay replay;
  TRY(frames, journal(id, row.journal));
  replay.frames = std::move(frames);
  replay.entries = row.journal.chunks == 0 ? row.journal.entries : count_frames(replay.frames);
  if (row.target.service_type != wire::ServiceType::service) {
    TRY_VOID(add_state(tables::object_of(id, row.target), state_bytes_max, replay));
  }
  replay.target = std::move(row.target);
  replay.deployment = row.deployment;
  replay.protocol_version = row.protocol_version;
  replay.random_seed = row.random_seed;
  replay.idempotency_key = std::move(row.idempotency_key);
  replay.traceparent = std::move(row.traceparent);
  return replay;
}

}  // namespace perdure::processor
