// engine/wire/command.h
//
// What a record in a partition's log asks of the processor.  This list is the
// instruction set of the whole server: what is not here cannot become true.
//
// A record is a header (who says so, and when) and commands that are applied in order,
// all or none.  Several steps of one handler that arrive together are one record.
//
//     Header { at, producer }   Command   Command   …
//
// Producers, of three kinds (design section 1, law 3):
//
//     Self       the partition's leader: (epoch, seq); apply refuses what is not above
//                the mark, and everything of an epoch that is not the announced one
//     Source     another partition's outbox: (partition, seq); a high-water mark
//     Request    a stranger's request that has no name of its own: an id that is
//                remembered for a window of record time
//     none       what is idempotent by name: an Invoke carries its invocation's id
//
// A number once given to a command is never given to another.  A record with a command
// this build does not know decodes to an empty Command, and the replica stops.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/wire/invocation.h"

namespace perdure::wire {

// --- beginnings ---------------------------------------------------------------------

// What an invocation takes along of a completed one that is restarted as this.
struct Inherited {
  std::string journal;  // frames; the input first, every command with its completions
  std::optional<DeploymentId> deployment;  // absent: whatever is newest when it begins
  std::uint32_t protocol_version = 0;      // with it
  static constexpr auto fields = std::tuple(
      field(1, "journal", &Inherited::journal), field(2, "deployment", &Inherited::deployment),
      field(3, "protocol_version", &Inherited::protocol_version));
};

// Somebody wants a handler to run.  Known id: nothing new starts, the waiter is added.
struct Invoke {
  InvocationId id;
  Target target;
  std::vector<KeyValue> headers;
  std::string input;
  std::optional<Waiter> waiter;            // the caller, when it is an invocation
  std::optional<InvocationId> invoked_by;  // absent: an ingress request
  std::optional<Target> invoked_by_target;
  std::optional<WallTime> due;  // not before; absent: now
  Retention retention;
  std::optional<std::string> idempotency_key;
  std::uint64_t random_seed = 0;
  std::string traceparent;
  std::optional<Inherited> inherited;  // then it has no headers and no input of its own
  static constexpr auto fields = std::tuple(
      field(1, "id", &Invoke::id), field(2, "target", &Invoke::target),
      field(3, "headers", &Invoke::headers), field(4, "input", &Invoke::input),
      field(5, "waiter", &Invoke::waiter), field(6, "invoked_by", &Invoke::invoked_by),
      field(7, "invoked_by_target", &Invoke::invoked_by_target), field(8, "due", &Invoke::due),
      field(9, "retention", &Invoke::retention),
      field(10, "idempotency_key", &Invoke::idempotency_key),
      field(11, "random_seed", &Invoke::random_seed),
      field(12, "traceparent", &Invoke::traceparent), field(13, "inherited", &Invoke::inherited));
};

// --- steps of a running handler, proposed by the leader's invoker --------------------

// Which deployment and protocol version serve it from now on; before its first entry.
struct Pin {
  InvocationId id;
  DeploymentId deployment;
  std::uint32_t protocol_version = 0;
  static constexpr auto fields =
      std::tuple(field(1, "id", &Pin::id), field(2, "deployment", &Pin::deployment),
                 field(3, "protocol_version", &Pin::protocol_version));
};

// Whom a Call or OneWayCall entry calls, resolved by the leader that proposed it.
struct Callee {
  InvocationId id;
  Target target;
  Retention retention;
  std::uint64_t random_seed = 0;
  static constexpr auto fields = std::tuple(
      field(1, "id", &Callee::id), field(2, "target", &Callee::target),
      field(3, "retention", &Callee::retention), field(4, "random_seed", &Callee::random_seed));
};

// One command of the handler, as it came off the stream.
struct Entry {
  InvocationId id;
  MessageType type = MessageType::output_command;
  std::string payload;
  std::optional<Callee> callee;  // for Call, OneWayCall
  static constexpr auto fields =
      std::tuple(field(1, "id", &Entry::id), field(2, "type", &Entry::type),
                 field(3, "payload", &Entry::payload), field(4, "callee", &Entry::callee));
};

// The result of a `run` closure.
struct CompleteRun {
  InvocationId id;
  std::uint32_t completion_id = 0;
  Outcome result;
  static constexpr auto fields = std::tuple(field(1, "id", &CompleteRun::id),
                                            field(2, "completion_id", &CompleteRun::completion_id),
                                            one_of("result", &CompleteRun::result, 14, 15));
};

// The attempt has ended, waiting.  If what it waits for is already there, it goes on.
struct Suspend {
  InvocationId id;
  Future awaiting;
  static constexpr auto fields =
      std::tuple(field(1, "id", &Suspend::id), field(2, "awaiting", &Suspend::awaiting));
};

// The handler is done: its Output entry is the result.
struct End {
  InvocationId id;
  static constexpr auto fields = std::tuple(field(1, "id", &End::id));
};

// Attempts stop until somebody resumes it.
struct Pause {
  InvocationId id;
  std::optional<Failure> last_failure;  // absent: a person asked
  static constexpr auto fields =
      std::tuple(field(1, "id", &Pause::id), field(2, "last_failure", &Pause::last_failure));
};

// The invocation ends with this failure now (retries exhausted with on-max-attempts kill,
// or the handler said FAIL).
struct Fail {
  InvocationId id;
  Failure failure;
  static constexpr auto fields =
      std::tuple(field(1, "id", &Fail::id), field(2, "failure", &Fail::failure));
};

// --- what happens to it from outside --------------------------------------------------

// Something it awaited of another invocation has come.
struct Respond {
  Waiter to;
  NotificationResult result;
  static constexpr auto fields =
      std::tuple(field(1, "to", &Respond::to), one_of("result", &Respond::result, 4, 5, 6, 16, 17));
};

struct Signal {
  InvocationId id;
  std::variant<std::monostate, std::uint32_t, std::string> signal;  // by number or by name
  std::variant<std::monostate, Void, Value, Failure> result;
  static constexpr auto fields =
      std::tuple(field(1, "id", &Signal::id), one_of("signal", &Signal::signal, 2, 3),
                 one_of("result", &Signal::result, 4, 5, 6));
};

struct Cancel {
  InvocationId id;
  static constexpr auto fields = std::tuple(field(1, "id", &Cancel::id));
};

struct Kill {
  InvocationId id;
  static constexpr auto fields = std::tuple(field(1, "id", &Kill::id));
};

struct Resume {
  InvocationId id;
  std::optional<DeploymentId> deployment;  // moves it there; absent: where it is pinned
  static constexpr auto fields =
      std::tuple(field(1, "id", &Resume::id), field(2, "deployment", &Resume::deployment));
};

// Answer a waiter with the outcome of this invocation, now or when it has one.
struct Attach {
  InvocationId id;
  Waiter waiter;
  bool only_if_ready = false;  // GetInvocationOutput: Void when there is none yet
  static constexpr auto fields =
      std::tuple(field(1, "id", &Attach::id), field(2, "waiter", &Attach::waiter),
                 field(3, "only_if_ready", &Attach::only_if_ready));
};

// Completed invocations whose retention is over, or that somebody wants gone.
struct Purge {
  std::vector<InvocationId> ids;
  bool journal_only = false;
  // What expired in this hour since 1970 or before it is dropped whole; 0: nothing is.
  std::uint32_t hours_through = 0;
  static constexpr auto fields =
      std::tuple(field(1, "ids", &Purge::ids), field(2, "journal_only", &Purge::journal_only),
                 field(3, "hours_through", &Purge::hours_through));
};

// Replaces the whole state of one object; queued behind its running invocation.
struct PatchState {
  Target target;  // service and key
  std::vector<KeyValue> state;
  std::string expected_version;  // empty: whatever it is; else a mismatch drops the patch
  static constexpr auto fields =
      std::tuple(field(1, "target", &PatchState::target), field(2, "state", &PatchState::state),
                 field(3, "expected_version", &PatchState::expected_version));
};

// --- the partition's own housekeeping --------------------------------------------------

enum class TimerKind : std::uint8_t {
  start = 0,  // a delayed invocation is due
  sleep = 1,  // a Sleep entry's completion is due
};
// A timer that the table holds is due.  No row, no effect.
struct Fire {
  WallTime due;
  TimerKind kind = TimerKind::start;  // as it is read when it was left out: the zero
  InvocationId id;
  std::uint32_t completion_id = 0;
  static constexpr auto fields =
      std::tuple(field(1, "due", &Fire::due), field(2, "kind", &Fire::kind),
                 field(3, "id", &Fire::id), field(4, "completion_id", &Fire::completion_id));
};

// Everything in the outbox up to here is committed where it went.
struct TruncateOutbox {
  std::uint64_t through = 0;
  static constexpr auto fields = std::tuple(field(1, "through", &TruncateOutbox::through));
};

// A node begins to lead.  From here on only records of this epoch's Self count, and what a
// record may hold is what these features are.
struct AnnounceLeader {
  Epoch epoch;
  NodeId node;
  std::uint64_t incarnation = 0;
  std::uint32_t features = 0;  // wire/features.h
  static constexpr auto fields =
      std::tuple(field(1, "epoch", &AnnounceLeader::epoch), field(2, "node", &AnnounceLeader::node),
                 field(3, "incarnation", &AnnounceLeader::incarnation),
                 field(4, "features", &AnnounceLeader::features));
};

struct Command {
  std::variant<std::monostate, Invoke, Pin, Entry, CompleteRun, Suspend, End, Pause, Fail, Respond,
               Signal, Cancel, Kill, Resume, Attach, Purge, PatchState, Fire, TruncateOutbox,
               AnnounceLeader>
      body;
  // A number once given to a command is never given to another: 20 was UpdateSchema.
  static constexpr auto fields = std::tuple(one_of("is", &Command::body, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                                                   10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
};
std::string_view name_of(const Command&);  // "Invoke"

struct SelfProducer {
  Epoch epoch;
  std::uint64_t seq = 0;
  static constexpr auto fields =
      std::tuple(field(1, "epoch", &SelfProducer::epoch), field(2, "seq", &SelfProducer::seq));
};
struct SourceProducer {
  PartitionId partition;
  std::uint64_t seq = 0;  // of the last outbox message in the record
  // One for each command of the record, rising; empty when it holds one message only.
  // A sender that starts anew may cut its outbox into other records than the last one
  // did, so what was applied already is skipped command by command.
  std::vector<std::uint64_t> seqs;
  static constexpr auto fields =
      std::tuple(field(1, "partition", &SourceProducer::partition),
                 field(2, "seq", &SourceProducer::seq), field(3, "seqs", &SourceProducer::seqs));
};
struct RequestProducer {
  Uuid id() const { return {.high = high, .low = low}; }
  std::uint64_t high = 0, low = 0;
  WallTime first_attempt;
  static constexpr auto fields =
      std::tuple(field(1, "high", &RequestProducer::high), field(2, "low", &RequestProducer::low),
                 field(3, "first_attempt", &RequestProducer::first_attempt));
};

// Protobuf messages concatenate, so bytes of a Record without its `at`, made where the
// request came in, become the whole record when the leader appends its stamp:
//     record bytes = bytes ‖ encode(Stamp{at})
struct Record {
  WallTime at;  // the leader's wall clock when it appended; the only time apply knows
  std::variant<std::monostate, SelfProducer, SourceProducer, RequestProducer> producer;
  std::vector<Command> commands;
  static constexpr auto fields =
      std::tuple(field(1, "at", &Record::at), one_of("producer", &Record::producer, 2, 3, 4),
                 field(5, "commands", &Record::commands));
};
struct Stamp {
  WallTime at;
  static constexpr auto fields = std::tuple(field(1, "at", &Stamp::at));
};

}  // namespace perdure::wire

WIRE_CODEC_ELSEWHERE(perdure::wire::Record);
