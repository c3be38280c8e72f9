#include "engine/invoker/conversation.h"

#include <utility>

#include "engine/invoker/awaiting.h"
#include "engine/invoker/command_rules.h"

namespace perdure::invoker {
namespace {

using wire::FrameView;
using wire::MessageType;

// Parts of messages that may be long: the rest is skipped, not copied.
struct RunId {
  std::uint32_t completion = 0;
  static constexpr auto fields = std::tuple(wire::field(11, "completion", &RunId::completion));
};
struct CompletionId {
  std::uint32_t completion = 0;
  static constexpr auto fields =
      std::tuple(wire::field(1, "completion", &CompletionId::completion));
};

template <wire::Message T>
std::uint32_t completion_of(std::string_view payload) {
  const Result<T> part = wire::decode<T>(payload);
  return part ? part->completion : 0;
}

// Whom it calls, for the two commands that call.
template <wire::Message T>
std::expected<wire::Callee, AttemptFailure> callee_of(const T& call, bool answered,
                                                      const ConversationSetup& setup,
                                                      const Surroundings& around) {
  if (call.invocation_id_notification_idx == 0) {
    return std::unexpected(violation("a call has no completion id for its invocation id"));
  }
  if (setup.version >= 7 && (call.scope || call.limit_key)) {
    return std::unexpected(
        failure("RT0024", "scopes and limit keys need vqueues, which are disabled"));
  }
  return resolve_callee(setup.id,
                        {.service = call.service_name,
                         .handler = call.handler_name,
                         .key = call.key,
                         .idempotency_key = &call.idempotency_key,
                         .answered = answered},
                        around);
}

std::expected<wire::Callee, AttemptFailure> read_callee(const FrameView& frame,
                                                        const ConversationSetup& setup,
                                                        const Surroundings& around) {
  if (frame.header.type == MessageType::one_way_call_command) {
    const auto call = wire::decode<wire::OneWayCallCommand>(frame.payload);
    if (!call) return std::unexpected(violation(call.error().detail));
    return callee_of(*call, false, setup, around);
  }
  const auto call = wire::decode<wire::CallCommand>(frame.payload);
  if (!call) return std::unexpected(violation(call.error().detail));
  if (call->result_completion_id == 0) {
    return std::unexpected(violation("CallCommand: it has no completion id"));
  }
  return callee_of(*call, true, setup, around);
}

const char* restate_code_of(std::uint32_t code) {
  switch (code) {
    case journal_mismatch: return "RT0016";
    case protocol_violation: return "RT0012";
    default: return "RT0007";
  }
}

}  // namespace

Conversation::Conversation(ConversationSetup setup)
    : setup_(std::move(setup)), reader_(setup_.payload_max) {}

Result<void> Conversation::opening(std::string_view frames, std::uint32_t entries) {
  std::uint32_t found = 0;
  while (const std::optional<FrameView> frame = wire::next_frame(frames)) {
    learn(*frame);
    ++found;
  }
  if (!frames.empty()) return fail(Code::corrupt, "the journal ends within a frame");
  if (found != entries)
    return fail(Code::corrupt, "the journal has not as many entries as it says");
  entries_ = entries;
  return {};
}

// What is stored is true for every attempt, whoever proposed it.
void Conversation::learn(const FrameView& stored) {
  if (wire::is_command(stored.header.type)) ++commands_stored_;
  if (stored.header.type == MessageType::output_command) has_output_ = true;
  if (stored.header.type == MessageType::run_command) {
    const auto run = completion_of<RunId>(stored.payload);
    if (!settled_runs_.contains(run)) open_runs_.insert(run);
  }
  if (stored.header.type == MessageType::run_completion) {
    const auto run = completion_of<CompletionId>(stored.payload);
    open_runs_.erase(run);
    settled_runs_.insert(run);
  }
}

ConversationEffects Conversation::received(std::string bytes, const Surroundings& around) {
  if (over_) return {};  // trailing bytes: nothing they say can matter
  reader_.feed(std::move(bytes));
  while (!over_) {
    if (const auto length = reader_.oversized()) {
      effects_.end = failure("RT0003", "a message of " + std::to_string(*length) +
                                           " bytes is above the limit of " +
                                           std::to_string(setup_.payload_max));
      over_ = true;
      break;
    }
    const std::optional<FrameView> frame = reader_.next();
    if (!frame) break;
    if (std::optional<AttemptFailure> wrong = hear(*frame, around)) {
      effects_.end = std::move(*wrong);
      over_ = true;
    }
  }
  return take();
}

ConversationEffects Conversation::closed() {
  if (over_) return {};
  over_ = true;
  effects_.end = AttemptFailure{
      .message = reader_.between_frames()
                     ? "the handler's stream ended without an End, Suspension or Error message"
                     : "the handler's stream ended within a message"};
  return take();
}

std::optional<AttemptFailure> Conversation::hear(const FrameView& frame,
                                                 const Surroundings& around) {
  switch (frame.header.type) {
    case MessageType::propose_run_completion: return hear_run_completion(frame);
    case MessageType::suspension: return hear_suspension(frame);
    case MessageType::end: return hear_end();
    case MessageType::error: return hear_error(frame);
    case MessageType::awaiting_on:
      if (setup_.version >= 7) return {};  // a hint for people: we wait anyway
      return violation("AwaitingOn is of version 7");
    default: return hear_command(frame, around);
  }
}

std::optional<AttemptFailure> Conversation::hear_command(const FrameView& frame,
                                                         const Surroundings& around) {
  const MessageType type = frame.header.type;
  wire::Entry entry{.id = setup_.id, .type = type};
  if (type == MessageType::call_command || type == MessageType::one_way_call_command) {
    auto callee = read_callee(frame, setup_, around);
    if (!callee) return std::move(callee.error());
    entry.callee = std::move(*callee);
  } else if (std::optional<AttemptFailure> wrong =
                 check_command(type, frame.payload, setup_.target)) {
    return wrong;
  }
  if (type == MessageType::run_command) open_runs_.insert(completion_of<RunId>(frame.payload));
  if (type == MessageType::output_command) has_output_ = true;
  entry.payload = frame.payload;
  propose(std::move(entry));
  acks_wanted_.push_back((frame.header.flags & wire::requested_ack) != 0);
  return {};
}

std::optional<AttemptFailure> Conversation::hear_run_completion(const FrameView& frame) {
  Result<wire::ProposeRunCompletionMessage> message =
      wire::decode<wire::ProposeRunCompletionMessage>(frame.payload);
  if (!message) return violation(message.error().detail);
  const std::uint32_t run = message->result_completion_id;
  if (settled_runs_.contains(run)) return {};  // the first result stands
  if (!open_runs_.erase(run)) return violation("a result for a run that was never begun");
  wire::CompleteRun complete{.id = setup_.id, .completion_id = run};
  if (auto* value = std::get_if<std::string>(&message->result)) {
    complete.result = wire::Value{.content = std::move(*value)};
  } else if (auto* why = std::get_if<wire::Failure>(&message->result)) {
    complete.result = std::move(*why);
  } else {
    return violation("ProposeRunCompletion: it has no result");
  }
  settled_runs_.insert(run);
  const bool asked = (frame.header.flags & wire::requested_ack) != 0;
  if (asked && setup_.version >= 7) run_acks_.insert(run);
  propose(std::move(complete));
  return {};
}

std::optional<AttemptFailure> Conversation::hear_suspension(const FrameView& frame) {
  auto awaiting = read_awaiting(frame.payload, setup_.version);
  if (!awaiting) return std::move(awaiting.error());
  const auto own = [&](std::uint32_t completion) { return open_runs_.contains(completion); };
  if (!can_be_woken(*awaiting, own)) {  // restate #5196: it would sleep for ever
    AttemptFailure stuck = violation("the handler suspended on a run that only it can finish");
    stuck.counted = false;
    return stuck;
  }
  propose(wire::Suspend{.id = setup_.id, .awaiting = std::move(*awaiting)});
  effects_.end = HandlerSuspended();
  over_ = true;
  return {};
}

std::optional<AttemptFailure> Conversation::hear_end() {
  if (!has_output_) return violation("End without an Output: there is no result to give");
  propose(wire::End{.id = setup_.id});
  effects_.end = HandlerDone();
  over_ = true;
  return {};
}

std::optional<AttemptFailure> Conversation::hear_error(const FrameView& frame) {
  Result<wire::ErrorMessage> error = wire::decode<wire::ErrorMessage>(frame.payload);
  if (!error) return violation(error.error().detail);
  AttemptFailure why{.code = error->code,
                     .restate_code = restate_code_of(error->code),
                     .message = std::move(error->message),
                     .stacktrace = std::move(error->stacktrace),
                     .command_index = error->related_command_index,
                     .command_name = std::move(error->related_command_name)};
  if (error->related_command_type)
    why.command_type = static_cast<MessageType>(*error->related_command_type);
  if (error->next_retry_delay) {
    constexpr std::uint64_t longest_ms = std::uint64_t{1} << 41;  // 70 years
    why.next_retry_delay = std::chrono::milliseconds(
        static_cast<std::int64_t>(std::min(*error->next_retry_delay, longest_ms)));
  }
  if (setup_.version >= 7 && error->behavior <= wire::ErrorBehavior::fail)
    why.behavior = error->behavior;
  return why;
}

void Conversation::propose(auto command) {
  if (setup_.pin) effects_.propose.push_back({.body = *std::exchange(setup_.pin, std::nullopt)});
  effects_.propose.push_back({.body = std::move(command)});
}

Result<std::string> Conversation::stored(std::uint32_t index, std::string_view frames) {
  if (index > entries_) return fail(Code::conflict, "entries are missing before what was stored");
  std::string out;
  while (const std::optional<FrameView> frame = wire::next_frame(frames)) {
    if (index++ < entries_) continue;
    ++entries_;
    tell(*frame, out);
    learn(*frame);
  }
  if (over_ || !setup_.listens) out.clear();
  return out;
}

void Conversation::tell(const FrameView& stored, std::string& out) {
  if (wire::is_command(stored.header.type)) {
    const bool wanted = !acks_wanted_.empty() && acks_wanted_.front();
    if (!acks_wanted_.empty()) acks_wanted_.pop_front();
    if (!wanted) return;
    wire::put_message(out, MessageType::command_ack,
                      wire::CommandAckMessage{.command_index = commands_stored_});
    return;
  }
  if (stored.header.type == MessageType::run_completion && !run_acks_.empty()) {
    const auto run = completion_of<CompletionId>(stored.payload);
    if (run_acks_.erase(run) > 0) {
      wire::put_message(out, MessageType::propose_run_completion_ack,
                        wire::ProposeRunCompletionAckMessage{.completion_id = run});
      return;
    }
  }
  wire::put_frame(out, stored.header.type, stored.payload);
}

ConversationEffects Conversation::take() { return std::exchange(effects_, ConversationEffects()); }

}  // namespace perdure::invoker
