// engine/wire/service_protocol.h
//
// What server and handler say to each other: Restate's service invocation protocol,
// versions 5 to 7.  Names, numbers and types are the protocol's own.
//
// A message on the stream is a frame: 8 bytes of header, big-endian, then the payload
// (protobuf, here by codec.h).
//
//     type u16 │ flags u16 │ payload length u32 │ payload …
//
//     0x0000–0x03FF  control         0x0400–0x7FFF  commands   (the handler's wishes)
//     0x8000–0xFBFF  notifications   (what came of them: completions and signals)
//
// An invocation's journal is the sequence of its commands and notifications, and is
// stored as these very frames: replaying it to a handler is a copy.
//
// Completion ids are the handler's (from 1 up); signal 1 is "cancel", awakeables count
// from 17.  Fields of later versions are simply absent in earlier ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "engine/wire/codec.h"

namespace perdure::wire {

enum class MessageType : std::uint16_t {
  start = 0x0000,
  suspension = 0x0001,
  error = 0x0002,
  end = 0x0003,
  command_ack = 0x0004,
  propose_run_completion = 0x0005,
  awaiting_on = 0x0006,
  propose_run_completion_ack = 0x0007,

  input_command = 0x0400,
  output_command = 0x0401,
  get_lazy_state_command = 0x0402,
  set_state_command = 0x0403,
  clear_state_command = 0x0404,
  clear_all_state_command = 0x0405,
  get_lazy_state_keys_command = 0x0406,
  get_eager_state_command = 0x0407,
  get_eager_state_keys_command = 0x0408,
  get_promise_command = 0x0409,
  peek_promise_command = 0x040A,
  complete_promise_command = 0x040B,
  sleep_command = 0x040C,
  call_command = 0x040D,
  one_way_call_command = 0x040E,
  send_signal_command = 0x0410,
  run_command = 0x0411,
  attach_invocation_command = 0x0412,
  get_invocation_output_command = 0x0413,
  complete_awakeable_command = 0x0414,

  get_lazy_state_completion = 0x8002,
  get_lazy_state_keys_completion = 0x8006,
  get_promise_completion = 0x8009,
  peek_promise_completion = 0x800A,
  complete_promise_completion = 0x800B,
  sleep_completion = 0x800C,
  call_completion = 0x800D,
  call_invocation_id_completion = 0x800E,
  run_completion = 0x8011,
  attach_invocation_completion = 0x8012,
  get_invocation_output_completion = 0x8013,
  signal_notification = 0xFBFF,
};

std::string_view name_of(MessageType);  // "SleepCommand"; "unknown" for the rest
inline bool is_command(MessageType t) {
  const auto raw = static_cast<std::uint16_t>(t);
  return raw >= 0x0400 && raw < 0x8000;
}
inline bool is_notification(MessageType t) {
  const auto raw = static_cast<std::uint16_t>(t);
  return raw >= 0x8000 && raw < 0xFC00;
}

inline constexpr std::uint32_t frame_header_bytes = 8;
inline constexpr std::uint16_t requested_ack = 0x8000;  // the only flag

struct FrameHeader {
  MessageType type = MessageType::start;
  std::uint16_t flags = 0;
  std::uint32_t length = 0;  // of the payload
};
FrameHeader read_frame_header(std::string_view eight_bytes);
void put_frame(std::string& out, MessageType, std::string_view payload, std::uint16_t flags = 0);
template <Message T>
void put_message(std::string& out, MessageType type, const T& message) {
  put_frame(out, type, encode(message));
}

struct FrameView {
  FrameHeader header;
  std::string_view payload;
};
// Takes the next whole frame off `rest`; nothing when it is cut off.
std::optional<FrameView> next_frame(std::string_view& rest);

inline constexpr std::uint32_t cancel_signal = 1;
inline constexpr std::uint32_t first_awakeable_signal = 17;

// Parts.

struct Void {
  static constexpr auto fields = std::tuple();
};
struct Value {
  std::string content;
  static constexpr auto fields = std::tuple(field(1, "content", &Value::content));
};
struct FailureMetadata {
  std::string key, value;
  static constexpr auto fields = std::tuple(field(1, "key", &FailureMetadata::key),
                                            field(2, "value", &FailureMetadata::value));
};
struct Failure {
  std::uint32_t code = 0;  // an HTTP status, most often
  std::string message;
  std::vector<FailureMetadata> metadata;
  static constexpr auto fields =
      std::tuple(field(1, "code", &Failure::code), field(2, "message", &Failure::message),
                 field(3, "metadata", &Failure::metadata));
};
struct StateKeys {
  std::vector<std::string> keys;
  static constexpr auto fields = std::tuple(field(1, "keys", &StateKeys::keys));
};
struct KeyValue {  // headers, state entries
  std::string key, value;
  static constexpr auto fields =
      std::tuple(field(1, "key", &KeyValue::key), field(2, "value", &KeyValue::value));
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// What a handler waits for.  Up to version 6 it is flat and means "any of these".
enum class Combinator : std::uint8_t {
  unknown = 0,  // means first_completed
  first_completed = 1,
  all_completed = 2,
  first_succeeded_or_all_failed = 3,
  all_succeeded_or_first_failed = 4,
};
struct Future {
  std::vector<std::uint32_t> completions;
  std::vector<std::uint32_t> signals;
  std::vector<std::string> named_signals;
  std::vector<Future> nested;
  Combinator combinator = Combinator::unknown;
  static constexpr auto fields = std::tuple(
      field(1, "completions", &Future::completions), field(2, "signals", &Future::signals),
      field(3, "named_signals", &Future::named_signals), field(4, "nested", &Future::nested),
      field(5, "combinator", &Future::combinator));
};

// Control messages.

struct StartMessage {
  std::string id;        // 24 bytes
  std::string debug_id;  // inv_1…
  std::uint32_t known_entries = 0;
  std::vector<KeyValue> state_map;
  bool partial_state = false;
  std::string key;
  std::uint32_t retry_count_since_last_stored_entry = 0;
  std::uint64_t duration_since_last_stored_entry = 0;  // ms
  std::uint64_t random_seed = 0;
  std::optional<std::string> scope, limit_key, idempotency_key;  // version 7
  static constexpr auto fields = std::tuple(
      field(1, "id", &StartMessage::id), field(2, "debug_id", &StartMessage::debug_id),
      field(3, "known_entries", &StartMessage::known_entries),
      field(4, "state_map", &StartMessage::state_map),
      field(5, "partial_state", &StartMessage::partial_state), field(6, "key", &StartMessage::key),
      field(7, "retry_count", &StartMessage::retry_count_since_last_stored_entry),
      field(8, "duration", &StartMessage::duration_since_last_stored_entry),
      field(9, "random_seed", &StartMessage::random_seed), field(10, "scope", &StartMessage::scope),
      field(11, "limit_key", &StartMessage::limit_key),
      field(12, "idempotency_key", &StartMessage::idempotency_key));
};
struct SuspensionMessage {
  std::vector<std::uint32_t> waiting_completions, waiting_signals;  // versions 5 and 6
  std::vector<std::string> waiting_named_signals;
  std::optional<Future> awaiting_on;  // version 7
  static constexpr auto fields =
      std::tuple(field(1, "waiting_completions", &SuspensionMessage::waiting_completions),
                 field(2, "waiting_signals", &SuspensionMessage::waiting_signals),
                 field(3, "waiting_named_signals", &SuspensionMessage::waiting_named_signals),
                 field(4, "awaiting_on", &SuspensionMessage::awaiting_on));
};
enum class ErrorBehavior : std::uint8_t { retry = 0, pause = 1, fail = 2 };  // version 7
struct ErrorMessage {
  std::uint32_t code = 0;
  std::string message, stacktrace;
  std::optional<std::uint32_t> related_command_index;
  std::optional<std::string> related_command_name;
  std::optional<std::uint32_t> related_command_type;
  std::optional<std::uint64_t> next_retry_delay;  // ms
  ErrorBehavior behavior = ErrorBehavior::retry;
  static constexpr auto fields =
      std::tuple(field(1, "code", &ErrorMessage::code), field(2, "message", &ErrorMessage::message),
                 field(3, "stacktrace", &ErrorMessage::stacktrace),
                 field(4, "related_command_index", &ErrorMessage::related_command_index),
                 field(5, "related_command_name", &ErrorMessage::related_command_name),
                 field(6, "related_command_type", &ErrorMessage::related_command_type),
                 field(8, "next_retry_delay", &ErrorMessage::next_retry_delay),
                 field(9, "behavior", &ErrorMessage::behavior));
};
struct CommandAckMessage {
  std::uint32_t command_index = 0;
  static constexpr auto fields =
      std::tuple(field(1, "command_index", &CommandAckMessage::command_index));
};
struct ProposeRunCompletionMessage {
  std::uint32_t result_completion_id = 0;
  std::variant<std::monostate, std::string, Failure> result;  // a bare value, or a failure
  static constexpr auto fields = std::tuple(
      field(1, "result_completion_id", &ProposeRunCompletionMessage::result_completion_id),
      one_of("result", &ProposeRunCompletionMessage::result, 14, 15));
};
struct AwaitingOnMessage {  // version 7
  Future awaiting_on;
  bool executing_side_effects = false;
  static constexpr auto fields =
      std::tuple(field(1, "awaiting_on", &AwaitingOnMessage::awaiting_on),
                 field(2, "executing_side_effects", &AwaitingOnMessage::executing_side_effects));
};
struct ProposeRunCompletionAckMessage {  // version 7
  std::uint32_t completion_id = 0;
  static constexpr auto fields =
      std::tuple(field(1, "completion_id", &ProposeRunCompletionAckMessage::completion_id));
};

// Commands.  `name` (12) is the user's label.

struct InputCommand {
  std::vector<KeyValue> headers;
  Value value;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "headers", &InputCommand::headers),
                 field(14, "value", &InputCommand::value), field(12, "name", &InputCommand::name));
};
struct OutputCommand {
  std::variant<std::monostate, Value, Failure> result;
  std::string name;
  static constexpr auto fields = std::tuple(one_of("result", &OutputCommand::result, 14, 15),
                                            field(12, "name", &OutputCommand::name));
};
struct GetLazyStateCommand {
  std::string key;
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "key", &GetLazyStateCommand::key),
                 field(11, "result_completion_id", &GetLazyStateCommand::result_completion_id),
                 field(12, "name", &GetLazyStateCommand::name));
};
struct SetStateCommand {
  std::string key;
  Value value;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "key", &SetStateCommand::key), field(3, "value", &SetStateCommand::value),
                 field(12, "name", &SetStateCommand::name));
};
struct ClearStateCommand {
  std::string key;
  std::string name;
  static constexpr auto fields = std::tuple(field(1, "key", &ClearStateCommand::key),
                                            field(12, "name", &ClearStateCommand::name));
};
struct CompletableCommand {  // ClearAllState, GetLazyStateKeys, Run: no fields but these
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(11, "result_completion_id", &CompletableCommand::result_completion_id),
                 field(12, "name", &CompletableCommand::name));
};
struct GetEagerStateCommand {
  std::string key;
  std::variant<std::monostate, Void, Value> result;
  std::string name;
  static constexpr auto fields = std::tuple(field(1, "key", &GetEagerStateCommand::key),
                                            one_of("result", &GetEagerStateCommand::result, 13, 14),
                                            field(12, "name", &GetEagerStateCommand::name));
};
struct PromiseCommand {  // GetPromise, PeekPromise
  std::string key;
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "key", &PromiseCommand::key),
                 field(11, "result_completion_id", &PromiseCommand::result_completion_id),
                 field(12, "name", &PromiseCommand::name));
};
struct CompletePromiseCommand {
  std::string key;
  std::variant<std::monostate, Value, Failure> completion;
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "key", &CompletePromiseCommand::key),
                 one_of("completion", &CompletePromiseCommand::completion, 2, 3),
                 field(11, "result_completion_id", &CompletePromiseCommand::result_completion_id),
                 field(12, "name", &CompletePromiseCommand::name));
};
struct SleepCommand {
  std::uint64_t wake_up_time = 0;  // ms since the epoch
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "wake_up_time", &SleepCommand::wake_up_time),
                 field(11, "result_completion_id", &SleepCommand::result_completion_id),
                 field(12, "name", &SleepCommand::name));
};
struct CallCommand {
  std::string service_name, handler_name;
  std::string parameter;
  std::vector<KeyValue> headers;
  std::string key;
  std::optional<std::string> idempotency_key;
  std::optional<std::string> scope, limit_key;  // version 7
  std::uint32_t invocation_id_notification_idx = 0;
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields = std::tuple(
      field(1, "service_name", &CallCommand::service_name),
      field(2, "handler_name", &CallCommand::handler_name),
      field(3, "parameter", &CallCommand::parameter), field(4, "headers", &CallCommand::headers),
      field(5, "key", &CallCommand::key),
      field(6, "idempotency_key", &CallCommand::idempotency_key),
      field(7, "scope", &CallCommand::scope), field(8, "limit_key", &CallCommand::limit_key),
      field(10, "invocation_id_notification_idx", &CallCommand::invocation_id_notification_idx),
      field(11, "result_completion_id", &CallCommand::result_completion_id),
      field(12, "name", &CallCommand::name));
};
struct OneWayCallCommand {
  std::string service_name, handler_name;
  std::string parameter;
  std::uint64_t invoke_time = 0;  // ms since the epoch; 0 or past: now
  std::vector<KeyValue> headers;
  std::string key;
  std::optional<std::string> idempotency_key;
  std::optional<std::string> scope, limit_key;  // version 7
  std::uint32_t invocation_id_notification_idx = 0;
  std::string name;
  static constexpr auto fields = std::tuple(
      field(1, "service_name", &OneWayCallCommand::service_name),
      field(2, "handler_name", &OneWayCallCommand::handler_name),
      field(3, "parameter", &OneWayCallCommand::parameter),
      field(4, "invoke_time", &OneWayCallCommand::invoke_time),
      field(5, "headers", &OneWayCallCommand::headers), field(6, "key", &OneWayCallCommand::key),
      field(7, "idempotency_key", &OneWayCallCommand::idempotency_key),
      field(8, "scope", &OneWayCallCommand::scope),
      field(9, "limit_key", &OneWayCallCommand::limit_key),
      field(10, "invocation_id_notification_idx",
            &OneWayCallCommand::invocation_id_notification_idx),
      field(12, "name", &OneWayCallCommand::name));
};
struct SendSignalCommand {
  std::string target_invocation_id;                                 // inv_1…
  std::variant<std::monostate, std::uint32_t, std::string> signal;  // by number or by name
  std::variant<std::monostate, Void, Value, Failure> result;
  std::string entry_name;
  static constexpr auto fields =
      std::tuple(field(1, "target_invocation_id", &SendSignalCommand::target_invocation_id),
                 one_of("signal", &SendSignalCommand::signal, 2, 3),
                 one_of("result", &SendSignalCommand::result, 4, 5, 6),
                 field(12, "entry_name", &SendSignalCommand::entry_name));
};
struct WorkflowTarget {
  std::string workflow_name, workflow_key;
  std::optional<std::string> scope;
  static constexpr auto fields =
      std::tuple(field(1, "workflow_name", &WorkflowTarget::workflow_name),
                 field(2, "workflow_key", &WorkflowTarget::workflow_key),
                 field(3, "scope", &WorkflowTarget::scope));
};
struct IdempotentRequestTarget {
  std::string service_name;
  std::optional<std::string> service_key;
  std::string handler_name, idempotency_key;
  std::optional<std::string> scope;
  static constexpr auto fields =
      std::tuple(field(1, "service_name", &IdempotentRequestTarget::service_name),
                 field(2, "service_key", &IdempotentRequestTarget::service_key),
                 field(3, "handler_name", &IdempotentRequestTarget::handler_name),
                 field(4, "idempotency_key", &IdempotentRequestTarget::idempotency_key),
                 field(5, "scope", &IdempotentRequestTarget::scope));
};
struct AttachCommand {  // AttachInvocation, GetInvocationOutput
  std::variant<std::monostate, std::string, IdempotentRequestTarget, WorkflowTarget> target;
  std::uint32_t result_completion_id = 0;
  std::string name;
  static constexpr auto fields =
      std::tuple(one_of("target", &AttachCommand::target, 1, 3, 4),
                 field(11, "result_completion_id", &AttachCommand::result_completion_id),
                 field(12, "name", &AttachCommand::name));
};
struct CompleteAwakeableCommand {
  std::string awakeable_id;
  std::variant<std::monostate, Value, Failure> result;
  std::string name;
  static constexpr auto fields =
      std::tuple(field(1, "awakeable_id", &CompleteAwakeableCommand::awakeable_id),
                 one_of("result", &CompleteAwakeableCommand::result, 2, 3),
                 field(12, "name", &CompleteAwakeableCommand::name));
};

// Every notification has this shape.
using NotificationResult =
    std::variant<std::monostate, Void, Value, Failure, std::string, StateKeys>;
struct Notification {
  std::variant<std::monostate, std::uint32_t, std::uint32_t, std::string> id;
  NotificationResult result;  // the bare text is an invocation id
  static constexpr auto fields =
      std::tuple(one_of("id", &Notification::id, 1, 2, 3),
                 one_of("result", &Notification::result, 4, 5, 6, 16, 17));

  static Notification of_completion(std::uint32_t id, NotificationResult result) {
    Notification made{.id = {}, .result = std::move(result)};
    made.id.emplace<1>(id);
    return made;
  }
  static Notification of_signal(std::uint32_t index, NotificationResult result) {
    Notification made{.id = {}, .result = std::move(result)};
    made.id.emplace<2>(index);
    return made;
  }
  static Notification of_named_signal(std::string name, NotificationResult result) {
    Notification made{.id = {}, .result = std::move(result)};
    made.id.emplace<3>(std::move(name));
    return made;
  }
};

}  // namespace perdure::wire
