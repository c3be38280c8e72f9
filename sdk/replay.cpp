#include "sdk/replay.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/match.h"
#include "engine/wire/ids.h"

namespace perdure::sdk {

using wire::Combinator;
using wire::MessageType;

namespace {

// Two commands whose value must be there even when it is empty: a server may refuse, or
// worse, what lacks it.
struct SetState {  // SetStateCommand
  std::string key;
  std::optional<wire::Value> value;
  std::string name;
  static constexpr auto fields =
      std::tuple(wire::field(1, "key", &SetState::key), wire::field(3, "value", &SetState::value),
                 wire::field(12, "name", &SetState::name));
};
struct EagerKeys {  // GetEagerStateKeysCommand
  std::optional<wire::StateKeys> value;
  std::string name;
  static constexpr auto fields = std::tuple(wire::field(14, "value", &EagerKeys::value),
                                            wire::field(12, "name", &EagerKeys::name));
};

constexpr std::size_t shown_bytes_max = 300;  // of one entry, in an error for people

std::string shortened(std::string text) {
  if (text.size() <= shown_bytes_max) return text;
  text.resize(shown_bytes_max);
  return text + "…";
}

template <class T>
std::string shown(std::string_view payload) {
  const Result<T> message = wire::decode<T>(payload);
  return message ? wire::show(*message) : std::string("{unreadable}");
}

std::string shown(MessageType type, std::string_view payload) {
  switch (type) {
    case MessageType::output_command: return shown<wire::OutputCommand>(payload);
    case MessageType::get_lazy_state_command: return shown<wire::GetLazyStateCommand>(payload);
    case MessageType::get_eager_state_command: return shown<wire::GetEagerStateCommand>(payload);
    case MessageType::set_state_command: return shown<SetState>(payload);
    case MessageType::clear_state_command: return shown<wire::ClearStateCommand>(payload);
    case MessageType::clear_all_state_command:
    case MessageType::get_lazy_state_keys_command:
    case MessageType::run_command: return shown<wire::CompletableCommand>(payload);
    case MessageType::get_promise_command:
    case MessageType::peek_promise_command: return shown<wire::PromiseCommand>(payload);
    case MessageType::complete_promise_command: return shown<wire::CompletePromiseCommand>(payload);
    case MessageType::sleep_command: return shown<wire::SleepCommand>(payload);
    case MessageType::call_command: return shown<wire::CallCommand>(payload);
    case MessageType::one_way_call_command: return shown<wire::OneWayCallCommand>(payload);
    case MessageType::send_signal_command: return shown<wire::SendSignalCommand>(payload);
    case MessageType::attach_invocation_command:
    case MessageType::get_invocation_output_command: return shown<wire::AttachCommand>(payload);
    case MessageType::complete_awakeable_command:
      return shown<wire::CompleteAwakeableCommand>(payload);
    default: return "";
  }
}

std::string entry_text(MessageType type, const std::string& fields) {
  return shortened(std::string(wire::name_of(type)).append(" ").append(fields));
}

std::uint64_t milliseconds_of(WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

wire::Value value_of(std::string_view bytes) { return {.content = std::string(bytes)}; }

// An answer in a command whose variant is (nothing, Value, Failure).
std::variant<std::monostate, wire::Value, wire::Failure> in_command(const Replay::Answer& answer) {
  if (const auto* bytes = std::get_if<std::string>(&answer)) return value_of(*bytes);
  return std::get<wire::Failure>(answer);
}

std::variant<std::monostate, std::string, wire::IdempotentRequestTarget, wire::WorkflowTarget>
in_command(const Replay::Attachable& whom) {
  if (const auto* id = std::get_if<std::string>(&whom)) return *id;
  return std::get<wire::WorkflowTarget>(whom);
}

bool succeeded(const wire::NotificationResult& result) {
  return !std::holds_alternative<wire::Failure>(result);
}

}  // namespace

Replay::Replay(std::uint32_t version, std::uint32_t message_bytes_max)
    : version_(version), message_bytes_max_(message_bytes_max) {}

// --- from the server ---

void Replay::received(std::string_view bytes) {
  if (over_) return;
  received_.append(bytes);
  std::string_view rest = received_;
  while (!over_) {
    if (rest.size() >= wire::frame_header_bytes &&
        wire::read_frame_header(rest).length > message_bytes_max_) {
      return violated("a message is longer than is allowed");
    }
    const std::optional<wire::FrameView> frame = wire::next_frame(rest);
    if (!frame) break;
    hear(*frame);
  }
  received_.erase(0, received_.size() - rest.size());
}

void Replay::closed() {
  closed_ = true;
  if (!ready() && !over_) violated("the request ended within the journal");
}

void Replay::hear(const wire::FrameView& frame) {
  const MessageType type = frame.header.type;
  if (!started_) {
    if (type != MessageType::start) return violated("the first message is no Start");
    Result<wire::StartMessage> start = wire::decode<wire::StartMessage>(frame.payload);
    if (!start) return violated(start.error().detail);
    start_ = std::move(*start);
    state_is_partial_ = start_.partial_state;
    for (const wire::KeyValue& entry : start_.state_map) state_[entry.key] = entry.value;
    started_ = true;
    return;
  }
  const bool of_journal = entries_read_ < start_.known_entries;
  if (of_journal) {
    wire::put_frame(replayed_frames_, type, frame.payload, frame.header.flags);
    ++entries_read_;
  }
  if (wire::is_notification(type)) return hear_notification(frame.payload);
  if (type == MessageType::command_ack) return;  // asked for by nobody, harmless
  if (type == MessageType::propose_run_completion_ack) {
    const auto ack = wire::decode<wire::ProposeRunCompletionAckMessage>(frame.payload);
    if (!ack) return violated(ack.error().detail);
    const auto run = unacknowledged_runs_.find(ack->completion_id);
    if (run == unacknowledged_runs_.end()) return violated("an ack for no run of ours");
    completions_.try_emplace(ack->completion_id,
                             Heard{.number = ++heard_, .result = std::move(run->second)});
    unacknowledged_runs_.erase(run);
    return;
  }
  if (!of_journal || !wire::is_command(type)) {
    return violated(std::string("unexpected ").append(wire::name_of(type)));
  }
  if (!input_) {
    if (type != MessageType::input_command) return violated("the journal has no input in front");
    Result<wire::InputCommand> input = wire::decode<wire::InputCommand>(frame.payload);
    if (!input) return violated(input.error().detail);
    input_ = std::move(*input);
    commands_met_ = 1;
    return;
  }
  journal_.push_back({.type = type, .payload = std::string(frame.payload)});
}

void Replay::hear_notification(std::string_view payload) {
  Result<wire::Notification> said = wire::decode<wire::Notification>(payload);
  if (!said) return violated(said.error().detail);
  Heard heard{.number = ++heard_, .result = std::move(said->result)};
  if (const auto* completion = std::get_if<1>(&said->id)) {
    unacknowledged_runs_.erase(*completion);
    completions_.try_emplace(*completion, std::move(heard));
  } else if (const auto* signal = std::get_if<2>(&said->id)) {
    if (*signal == wire::cancel_signal) return cancels_.push_back(heard.number);
    signals_.try_emplace(*signal, std::move(heard));
  } else if (const auto* name = std::get_if<3>(&said->id)) {
    named_signals_.try_emplace(*name, std::move(heard));
  }
}

void Replay::violated(std::string_view what) {
  put_error({.code = protocol_violation, .message = std::string(what)});
}

// --- commands ---

template <class T, class Adopt>
void Replay::step(MessageType type, T ours, Adopt adopt) {
  if (over_) return;
  if (journal_.empty()) {
    wire::put_message(unsent_, type, ours);
    ++commands_met_;
    return;
  }
  const Stored& stored = journal_.front();
  if (stored.type != type) return mismatch(entry_text(type, wire::show(ours)), type);
  const std::string bytes = wire::encode(ours);
  if (bytes != stored.payload) {
    // Other bytes may still say the same: another order of fields, or what may differ.
    const Result<T> theirs = wire::decode<T>(stored.payload);
    if (!theirs) return mismatch(entry_text(type, wire::show(ours)), type);
    adopt(ours, *theirs);
    if (wire::encode(ours) != wire::encode(*theirs)) {
      return mismatch(entry_text(type, wire::show(ours)), type);
    }
  }
  journal_.pop_front();
  ++commands_met_;
}

template <class T>
void Replay::step(MessageType type, T ours) {
  step(type, std::move(ours), [](T&, const T&) {});
}

void Replay::mismatch(std::string_view ours, MessageType our_type) {
  const Stored& stored = journal_.front();
  mismatch_ = "journal mismatch at command " + std::to_string(commands_met_) +
              ": the journal has " + entry_text(stored.type, shown(stored.type, stored.payload)) +
              ", the handler now gives " + std::string(ours);
  put_error({.code = journal_mismatch,
             .message = mismatch_ + "; a handler must give the same commands in every attempt",
             .related_command_index = commands_met_,
             .related_command_type = static_cast<std::uint32_t>(our_type)});
}

void Replay::put_error(wire::ErrorMessage error) {
  if (over_) return;
  wire::put_message(unsent_, MessageType::error, error);
  over_ = true;
}

std::variant<MaybeBytes, CompletionId> Replay::get(std::string_view key) {
  const auto known = state_.find(key);
  const bool eager_is_stored =
      replaying() && journal_.front().type == MessageType::get_eager_state_command;
  const bool lazy_is_stored =
      replaying() && journal_.front().type == MessageType::get_lazy_state_command;
  const bool eager =
      eager_is_stored || (!lazy_is_stored && (known != state_.end() || !state_is_partial_));
  if (!eager) {
    const CompletionId id = next_completion();
    step(MessageType::get_lazy_state_command,
         wire::GetLazyStateCommand{.key = std::string(key), .result_completion_id = id});
    return id;
  }
  wire::GetEagerStateCommand ours{.key = std::string(key)};
  if (known != state_.end() && known->second) {
    ours.result = value_of(*known->second);
  } else {
    ours.result = wire::Void();
  }
  MaybeBytes found = known != state_.end() ? known->second : MaybeBytes();
  // What was read then counts, not what is there now.
  step(MessageType::get_eager_state_command, std::move(ours),
       [&found](wire::GetEagerStateCommand& now, const wire::GetEagerStateCommand& then) {
         now.result = then.result;
         const auto* value = std::get_if<wire::Value>(&then.result);
         found = value != nullptr ? MaybeBytes(value->content) : MaybeBytes();
       });
  return found;
}

std::variant<std::vector<std::string>, CompletionId> Replay::state_keys() {
  const bool eager_is_stored =
      replaying() && journal_.front().type == MessageType::get_eager_state_keys_command;
  const bool lazy_is_stored =
      replaying() && journal_.front().type == MessageType::get_lazy_state_keys_command;
  if (!eager_is_stored && (lazy_is_stored || state_is_partial_)) {
    const CompletionId id = next_completion();
    step(MessageType::get_lazy_state_keys_command,
         wire::CompletableCommand{.result_completion_id = id});
    return id;
  }
  std::vector<std::string> found;
  for (const auto& [key, value] : state_) {
    if (value) found.push_back(key);
  }
  EagerKeys ours{.value = wire::StateKeys{.keys = found}};
  step(MessageType::get_eager_state_keys_command, std::move(ours),
       [&found](EagerKeys& now, const EagerKeys& then) {
         now.value = then.value;
         found = then.value ? then.value->keys : std::vector<std::string>();
       });
  return found;
}

void Replay::set(std::string_view key, std::string_view value) {
  step(MessageType::set_state_command, SetState{.key = std::string(key), .value = value_of(value)});
  state_.insert_or_assign(std::string(key), MaybeBytes(value));
}

void Replay::clear(std::string_view key) {
  step(MessageType::clear_state_command, wire::ClearStateCommand{.key = std::string(key)});
  state_.insert_or_assign(std::string(key), std::nullopt);
}

void Replay::clear_all() {
  step(MessageType::clear_all_state_command, wire::CompletableCommand());
  state_.clear();
  state_is_partial_ = false;
}

CompletionId Replay::sleep(WallTime wake_up, std::string_view name) {
  const CompletionId id = next_completion();
  step(MessageType::sleep_command,
       wire::SleepCommand{.wake_up_time = milliseconds_of(wake_up),
                          .result_completion_id = id,
                          .name = std::string(name)},
       [](wire::SleepCommand& now, const wire::SleepCommand& then) {
         now.wake_up_time = then.wake_up_time;
       });
  return id;
}

Replay::Called Replay::call(const CallRequest& request) {
  const Called ids{.invocation_id = next_completion(), .result = next_completion()};
  step(MessageType::call_command,
       wire::CallCommand{.service_name = request.service,
                         .handler_name = request.handler,
                         .parameter = request.parameter,
                         .headers = request.headers,
                         .key = request.key,
                         .idempotency_key = request.idempotency_key,
                         .invocation_id_notification_idx = ids.invocation_id,
                         .result_completion_id = ids.result});
  return ids;
}

CompletionId Replay::send(const CallRequest& request, std::optional<WallTime> at) {
  const CompletionId id = next_completion();
  step(MessageType::one_way_call_command,
       wire::OneWayCallCommand{.service_name = request.service,
                               .handler_name = request.handler,
                               .parameter = request.parameter,
                               .invoke_time = at ? milliseconds_of(*at) : 0,
                               .headers = request.headers,
                               .key = request.key,
                               .idempotency_key = request.idempotency_key,
                               .invocation_id_notification_idx = id},
       [](wire::OneWayCallCommand& now, const wire::OneWayCallCommand& then) {
         if (now.invoke_time != 0) now.invoke_time = then.invoke_time;
       });
  return id;
}

CompletionId Replay::run(std::string_view name) {
  const CompletionId id = next_completion();
  step(MessageType::run_command,
       wire::CompletableCommand{.result_completion_id = id, .name = std::string(name)});
  return id;
}

bool Replay::run_is_due(CompletionId run) const {
  return !over_ && !replaying() && cancels_.empty() && !completions_.contains(run);
}

void Replay::ran(CompletionId run, std::variant<std::string, wire::Failure> result) {
  if (over_) return;
  wire::ProposeRunCompletionMessage message{.result_completion_id = run};
  wire::NotificationResult known;
  if (auto* bytes = std::get_if<std::string>(&result)) {
    message.result = *bytes;
    known = wire::Value{.content = std::move(*bytes)};
  } else {
    message.result = std::get<wire::Failure>(result);
    known = std::get<wire::Failure>(std::move(result));
  }
  // Version 7 acknowledges in short, if asked: we know what we said.
  const bool in_short = version_ >= 7;
  wire::put_frame(unsent_, MessageType::propose_run_completion, wire::encode(message),
                  in_short ? wire::requested_ack : std::uint16_t{0});
  if (in_short) unacknowledged_runs_.emplace(run, std::move(known));
}

std::uint32_t Replay::awakeable() { return next_signal_++; }

std::string Replay::awakeable_id(std::uint32_t signal) const {
  const Result<wire::InvocationId> id = wire::InvocationId::from_bytes(start_.id);
  return wire::AwakeableId{.invocation = id ? *id : wire::InvocationId(), .signal = signal}.text();
}

void Replay::complete_awakeable(std::string_view id, const Answer& answer) {
  step(MessageType::complete_awakeable_command,
       wire::CompleteAwakeableCommand{.awakeable_id = std::string(id),
                                      .result = in_command(answer)});
}

void Replay::send_signal(std::string_view invocation, std::string_view name, const Answer& answer) {
  wire::SendSignalCommand command{.target_invocation_id = std::string(invocation)};
  command.signal = std::string(name);
  if (const auto* bytes = std::get_if<std::string>(&answer)) {
    command.result = value_of(*bytes);
  } else {
    command.result = std::get<wire::Failure>(answer);
  }
  step(MessageType::send_signal_command, std::move(command));
}

void Replay::cancel(std::string_view invocation) {
  wire::SendSignalCommand command{.target_invocation_id = std::string(invocation),
                                  .result = wire::Void()};
  command.signal = wire::cancel_signal;
  step(MessageType::send_signal_command, std::move(command));
}

CompletionId Replay::promise(std::string_view key) {
  const CompletionId id = next_completion();
  step(MessageType::get_promise_command,
       wire::PromiseCommand{.key = std::string(key), .result_completion_id = id});
  return id;
}

CompletionId Replay::peek_promise(std::string_view key) {
  const CompletionId id = next_completion();
  step(MessageType::peek_promise_command,
       wire::PromiseCommand{.key = std::string(key), .result_completion_id = id});
  return id;
}

CompletionId Replay::complete_promise(std::string_view key, const Answer& answer) {
  const CompletionId id = next_completion();
  step(MessageType::complete_promise_command,
       wire::CompletePromiseCommand{
           .key = std::string(key), .completion = in_command(answer), .result_completion_id = id});
  return id;
}

CompletionId Replay::attach(const Attachable& whom) {
  const CompletionId id = next_completion();
  step(MessageType::attach_invocation_command,
       wire::AttachCommand{.target = in_command(whom), .result_completion_id = id});
  return id;
}

CompletionId Replay::output_of(const Attachable& whom) {
  const CompletionId id = next_completion();
  step(MessageType::get_invocation_output_command,
       wire::AttachCommand{.target = in_command(whom), .result_completion_id = id});
  return id;
}

void Replay::end(const Answer& answer) {
  step(MessageType::output_command, wire::OutputCommand{.result = in_command(answer)});
  if (over_) return;
  wire::put_message(unsent_, MessageType::end, wire::Void());
  over_ = true;
}

void Replay::fail_attempt(std::uint32_t code, std::string message,
                          std::optional<std::chrono::milliseconds> next_retry) {
  wire::ErrorMessage error{.code = code, .message = std::move(message)};
  if (next_retry) {
    error.next_retry_delay =
        static_cast<std::uint64_t>(std::max<std::int64_t>(next_retry->count(), 0));
  }
  if (commands_met_ > 0) error.related_command_index = commands_met_ - 1;
  put_error(std::move(error));
}

// --- waiting ---

const Replay::Heard* Replay::find(CompletionId completion) const {
  const auto found = completions_.find(completion);
  return found == completions_.end() ? nullptr : &found->second;
}

std::optional<Replay::Outcome> Replay::outcome(const wire::Future& tree) const {
  std::vector<std::optional<Outcome>> parts;
  const auto add = [&parts](const Heard* heard) {
    if (heard == nullptr) return parts.push_back(std::nullopt);
    parts.push_back(Outcome{.heard = heard->number, .succeeded = succeeded(heard->result)});
  };
  for (const CompletionId completion : tree.completions) add(find(completion));
  for (const std::uint32_t signal : tree.signals) {
    const auto found = signals_.find(signal);
    add(found == signals_.end() ? nullptr : &found->second);
  }
  for (const std::string& name : tree.named_signals) {
    const auto found = named_signals_.find(name);
    add(found == named_signals_.end() ? nullptr : &found->second);
  }
  for (const wire::Future& nested : tree.nested) parts.push_back(outcome(nested));
  return combined(tree, std::move(parts));
}

std::optional<Replay::Outcome> Replay::combined(const wire::Future& tree,
                                                std::vector<std::optional<Outcome>> parts) const {
  std::optional<Outcome> first, first_success, first_failure, last;
  bool all = true;
  for (const std::optional<Outcome>& part : parts) {
    if (!part) {
      all = false;
      continue;
    }
    std::optional<Outcome>& first_of_kind = part->succeeded ? first_success : first_failure;
    if (!first || part->heard < first->heard) first = part;
    if (!first_of_kind || part->heard < first_of_kind->heard) first_of_kind = part;
    if (!last || part->heard > last->heard) last = part;
  }
  const std::optional<Outcome> whole = all ? last : std::nullopt;
  switch (tree.combinator) {
    case Combinator::unknown:
    case Combinator::first_completed: return first;
    case Combinator::all_completed:
      if (!whole) return std::nullopt;
      return Outcome{.heard = whole->heard, .succeeded = true};
    case Combinator::first_succeeded_or_all_failed: return first_success ? first_success : whole;
    case Combinator::all_succeeded_or_first_failed: return first_failure ? first_failure : whole;
  }
  UNREACHABLE();
}

const wire::NotificationResult& Replay::result(const wire::Future& leaf) const {
  if (!leaf.completions.empty()) return completions_.at(leaf.completions.front()).result;
  if (!leaf.signals.empty()) return signals_.at(leaf.signals.front()).result;
  CHECK(!leaf.named_signals.empty());
  return named_signals_.at(leaf.named_signals.front()).result;
}

Replay::Wait Replay::wait(const wire::Future& tree) {
  if (over_) return Wait::over;
  const std::optional<Outcome> known = outcome(tree);
  if (!cancels_.empty() && (!known || cancels_.front() < known->heard)) {
    last_cancel_ = cancels_.front();
    cancels_.pop_front();
    return Wait::cancelled;
  }
  return wait_in_any_case(tree);
}

Replay::Wait Replay::wait_in_any_case(const wire::Future& tree) {
  if (over_) return Wait::over;
  if (outcome(tree)) return Wait::ready;
  if (replaying()) {  // then it went on, so it had its answer
    mismatch("a wait for what has no answer there (" + shortened(wire::show(tree)) + ")",
             journal_.front().type);
    return Wait::over;
  }
  if (!closed_) return Wait::not_yet;
  suspend(tree);
  return Wait::over;
}

void Replay::leaves(const wire::Future& tree, wire::SuspensionMessage& unresolved) const {
  for (const CompletionId completion : tree.completions) {
    if (find(completion) == nullptr) unresolved.waiting_completions.push_back(completion);
  }
  for (const std::uint32_t signal : tree.signals) {
    if (!signals_.contains(signal)) unresolved.waiting_signals.push_back(signal);
  }
  for (const std::string& name : tree.named_signals) {
    if (!named_signals_.contains(name)) unresolved.waiting_named_signals.push_back(name);
  }
  for (const wire::Future& nested : tree.nested) leaves(nested, unresolved);
}

// Versions 5 and 6 wake on any of what is listed, so only what is missing is; version 7
// is told the tree.  A cancel wakes in any case.
void Replay::suspend(const wire::Future& tree) {
  wire::SuspensionMessage message;
  if (version_ < 7) {
    leaves(tree, message);
    message.waiting_signals.push_back(wire::cancel_signal);
  } else {
    wire::Future waiting{.signals = {wire::cancel_signal},
                         .nested = {tree},
                         .combinator = Combinator::first_completed};
    if (tree.nested.empty() && tree.combinator <= Combinator::first_completed) {
      waiting = tree;
      waiting.signals.push_back(wire::cancel_signal);
      waiting.combinator = Combinator::first_completed;
    }
    message.awaiting_on = std::move(waiting);
  }
  wire::put_message(unsent_, MessageType::suspension, message);
  over_ = true;
}

}  // namespace perdure::sdk
