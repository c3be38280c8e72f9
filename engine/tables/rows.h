// engine/tables/rows.h
//
// What the rows named in keys.h hold.  Each is a struct with a list of fields (codec.h):
// a number once used keeps its meaning for ever.
//
// The words of an invocation's life, and where each is kept:
//
//     Scheduled   live row                            timer row
//     Queued      live row, Active; the lock row of its object lists it as waiting
//     Running     live row, Active; the lock row says it holds, or its handler needs none
//     Suspended   live row                            it keeps the lock
//     Paused      live row                            it keeps the lock
//     Completed   ended row: where to look;  completed row: what came of it
//
// Queued and Running are told apart by the lock row alone, so that letting the next one
// in changes one row: the one that is in hand.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/interval_set.h"
#include "engine/tables/keys.h"
#include "engine/wire/command.h"

namespace perdure::tables {

inline constexpr std::uint64_t storage_version = 1;

// One a partition: how far it is, and the marks that fence (design, law 3).
struct PartitionRow {
  Lsn applied;
  Epoch epoch;  // of the leader announced last
  NodeId leader;
  std::uint64_t incarnation = 0;  // of that leader's process
  std::uint64_t self_mark = 0;    // highest seq of its Self records
  std::uint64_t outbox_head = 1;  // lowest seq still there; the first ever is 1
  std::uint64_t outbox_next = 1;
  std::uint64_t storage = storage_version;
  WallTime requests_pruned;           // request rows before this are gone
  std::uint64_t dropped_buckets = 0;  // all below this one
  PartitionId partition;
  std::uint64_t partitions = 0;  // how many there are: decides who owns what
  std::uint32_t features = 0;    // that were announced: what only they may be in the rows
  // 8 was the version of a schema.
  static constexpr auto fields =
      std::tuple(wire::field(1, "applied", &PartitionRow::applied),
                 wire::field(2, "epoch", &PartitionRow::epoch),
                 wire::field(3, "leader", &PartitionRow::leader),
                 wire::field(4, "incarnation", &PartitionRow::incarnation),
                 wire::field(5, "self_mark", &PartitionRow::self_mark),
                 wire::field(6, "outbox_head", &PartitionRow::outbox_head),
                 wire::field(7, "outbox_next", &PartitionRow::outbox_next),
                 wire::field(9, "storage", &PartitionRow::storage),
                 wire::field(10, "requests_pruned", &PartitionRow::requests_pruned),
                 wire::field(11, "dropped_buckets", &PartitionRow::dropped_buckets),
                 wire::field(12, "partition", &PartitionRow::partition),
                 wire::field(13, "partitions", &PartitionRow::partitions),
                 wire::field(14, "features", &PartitionRow::features));
};

struct Scheduled {
  WallTime due;
  static constexpr auto fields = std::tuple(wire::field(1, "due", &Scheduled::due));
};
struct Active {                 // queued or running: the lock row knows
  std::uint64_t queued_at = 0;  // its position in the lock row, if it ever waited there
  static constexpr auto fields = std::tuple(wire::field(1, "queued_at", &Active::queued_at));
};
struct Suspended {
  wire::Future awaiting;
  static constexpr auto fields = std::tuple(wire::field(1, "awaiting", &Suspended::awaiting));
};
struct Paused {
  std::optional<wire::Failure> last_failure;
  static constexpr auto fields = std::tuple(wire::field(1, "last_failure", &Paused::last_failure));
};

struct NamedSignal {
  std::string name;
  bool failed = false;
  static constexpr auto fields = std::tuple(wire::field(1, "name", &NamedSignal::name),
                                            wire::field(2, "failed", &NamedSignal::failed));
};
struct OpenCall {  // whom a kill must follow
  wire::InvocationId callee;
  std::uint32_t completion_id = 0;
  static constexpr auto fields =
      std::tuple(wire::field(1, "callee", &OpenCall::callee),
                 wire::field(2, "completion_id", &OpenCall::completion_id));
};
struct OpenSleep {  // whose timer goes when the invocation goes
  WallTime due;
  std::uint32_t completion_id = 0;
  static constexpr auto fields =
      std::tuple(wire::field(1, "due", &OpenSleep::due),
                 wire::field(2, "completion_id", &OpenSleep::completion_id));
};

// What the journal has, so that nobody needs to read it to know.
struct JournalRow {
  std::uint32_t entries = 0;   // commands and notifications
  std::uint32_t commands = 0;  // the input is number 0
  std::uint32_t chunks = 0;    // full ones; the tail comes after them
  IntervalSet completions;     // notifications that are there, by completion id
  IntervalSet failures;        // those of them that are failures
  IntervalSet signals;         // by number; the cancel signal only since the last start
  IntervalSet failed_signals;
  std::vector<NamedSignal> named_signals;
  static constexpr auto fields =
      std::tuple(wire::field(1, "entries", &JournalRow::entries),
                 wire::field(2, "commands", &JournalRow::commands),
                 wire::field(3, "chunks", &JournalRow::chunks),
                 wire::field(4, "completions", &JournalRow::completions),
                 wire::field(5, "failures", &JournalRow::failures),
                 wire::field(6, "signals", &JournalRow::signals),
                 wire::field(7, "failed_signals", &JournalRow::failed_signals),
                 wire::field(8, "named_signals", &JournalRow::named_signals));
};

// All times are of records.
struct Times {
  WallTime created, modified, scheduled, queued, running;
  static constexpr auto fields = std::tuple(
      wire::field(1, "created", &Times::created), wire::field(2, "modified", &Times::modified),
      wire::field(3, "scheduled", &Times::scheduled), wire::field(4, "queued", &Times::queued),
      wire::field(5, "running", &Times::running));
};

using Status = std::variant<std::monostate, Scheduled, Active, Suspended, Paused>;

struct InvocationRow {
  Status status;
  wire::Target target;
  wire::Retention retention;
  std::optional<wire::DeploymentId> deployment;  // pinned; absent: not yet
  std::uint32_t protocol_version = 0;
  std::optional<wire::InvocationId> invoked_by;
  std::optional<wire::Target> invoked_by_target;
  std::vector<wire::Waiter> waiters;  // invocations to be told the outcome
  JournalRow journal;
  std::vector<OpenCall> open_calls;
  std::vector<OpenSleep> open_sleeps;
  wire::Outcome output;  // of its Output entry; the outcome once it ends
  Times times;
  std::uint64_t random_seed = 0;
  std::optional<std::string> idempotency_key;
  std::string traceparent;
  static constexpr auto fields =
      std::tuple(wire::one_of("status", &InvocationRow::status, 1, 2, 3, 4),
                 wire::field(5, "target", &InvocationRow::target),
                 wire::field(6, "retention", &InvocationRow::retention),
                 wire::field(7, "deployment", &InvocationRow::deployment),
                 wire::field(8, "protocol_version", &InvocationRow::protocol_version),
                 wire::field(9, "invoked_by", &InvocationRow::invoked_by),
                 wire::field(10, "invoked_by_target", &InvocationRow::invoked_by_target),
                 wire::field(11, "waiters", &InvocationRow::waiters),
                 wire::field(12, "journal", &InvocationRow::journal),
                 wire::field(13, "open_calls", &InvocationRow::open_calls),
                 wire::field(14, "open_sleeps", &InvocationRow::open_sleeps),
                 wire::one_of("output", &InvocationRow::output, 15, 16),
                 wire::field(17, "times", &InvocationRow::times),
                 wire::field(18, "random_seed", &InvocationRow::random_seed),
                 wire::field(19, "idempotency_key", &InvocationRow::idempotency_key),
                 wire::field(20, "traceparent", &InvocationRow::traceparent));
};

// Of a completed invocation, by id: where the rest is, and until when it counts.
struct EndedRow {
  WallTime kept_until;                    // its bucket is bucket_of(kept_until)
  std::optional<WallTime> journal_until;  // absent: the journal is gone
  std::uint32_t chunks = 0;               // of the journal, beside the tail
  std::optional<wire::Target> workflow;   // whose state and promises go with it
  static constexpr auto fields = std::tuple(
      wire::field(1, "kept_until", &EndedRow::kept_until),
      wire::field(2, "journal_until", &EndedRow::journal_until),
      wire::field(3, "chunks", &EndedRow::chunks), wire::field(4, "workflow", &EndedRow::workflow));
};

struct CompletedRow {
  InvocationRow invocation;  // as it was at its end; `output` is the outcome
  WallTime completed_at;
  WallTime kept_until;
  static constexpr auto fields =
      std::tuple(wire::field(1, "invocation", &CompletedRow::invocation),
                 wire::field(2, "completed_at", &CompletedRow::completed_at),
                 wire::field(3, "kept_until", &CompletedRow::kept_until));
};

struct PromiseRow {
  wire::Outcome result;               // empty: open
  std::vector<wire::Waiter> waiters;  // while open
  static constexpr auto fields = std::tuple(wire::one_of("result", &PromiseRow::result, 1, 2),
                                            wire::field(3, "waiters", &PromiseRow::waiters));
};

struct OutboxRow {
  PartitionId to;
  wire::Command command;
  static constexpr auto fields = std::tuple(wire::field(1, "to", &OutboxRow::to),
                                            wire::field(2, "command", &OutboxRow::command));
};

}  // namespace perdure::tables

WIRE_CODEC_ELSEWHERE(perdure::tables::PartitionRow);
WIRE_CODEC_ELSEWHERE(perdure::tables::InvocationRow);
WIRE_CODEC_ELSEWHERE(perdure::tables::CompletedRow);
WIRE_CODEC_ELSEWHERE(perdure::tables::OutboxRow);
