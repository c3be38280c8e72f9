#include "engine/invoker/command_rules.h"

#include <string>

namespace perdure::invoker {
namespace {

using wire::MessageType;

using Verdict = std::optional<AttemptFailure>;

std::string about(MessageType type, std::string_view what) {
  return std::string(wire::name_of(type)).append(": ").append(what);
}

Verdict refuse(MessageType type, std::string_view what) { return violation(about(type, what)); }
Verdict forbid(MessageType type, std::string_view what) {
  return failure("RT0017", about(type, what));
}

Verdict may_read_state(MessageType type, const wire::Target& target) {
  if (target.service_type != wire::ServiceType::service) return {};
  return forbid(type, "a service has no state");
}

Verdict may_write_state(MessageType type, const wire::Target& target) {
  if (Verdict no = may_read_state(type, target)) return no;
  if (target.handler_type != wire::HandlerType::shared) return {};
  return forbid(type, "a shared handler cannot write state");
}

Verdict may_use_promises(MessageType type, const wire::Target& target) {
  if (target.service_type == wire::ServiceType::workflow) return {};
  return forbid(type, "only workflows have promises");
}

// Decodes, and says what is wrong with the shape.
template <wire::Message T, class Wrong>
Verdict shaped(MessageType type, std::string_view payload, Wrong wrong) {
  const Result<T> message = wire::decode<T>(payload);
  if (!message) return refuse(type, message.error().detail);
  const std::string_view what = wrong(*message);
  if (what.empty()) return {};
  return refuse(type, what);
}

constexpr std::string_view fine = "";
constexpr std::string_view no_completion = "it has no completion id";
constexpr std::string_view no_result = "it has no result";

template <wire::Message T>
Verdict completable(MessageType type, std::string_view payload) {
  return shaped<T>(type, payload, [](const T& command) {
    return command.result_completion_id == 0 ? no_completion : fine;
  });
}

template <wire::Message T>
Verdict any_shape(MessageType type, std::string_view payload) {
  return shaped<T>(type, payload, [](const T&) { return fine; });
}

template <wire::Message T>
Verdict with_result(MessageType type, std::string_view payload) {
  return shaped<T>(type, payload,
                   [](const T& command) { return command.result.index() == 0 ? no_result : fine; });
}

std::string_view wrong_with(const wire::CompletePromiseCommand& command) {
  if (command.completion.index() == 0) return no_result;
  return command.result_completion_id == 0 ? no_completion : fine;
}

std::string_view wrong_with(const wire::SendSignalCommand& command) {
  if (!wire::InvocationId::from_text(command.target_invocation_id)) {
    return "its target is not an invocation id";
  }
  if (command.signal.index() == 0) return "it names no signal";
  return command.result.index() == 0 ? no_result : fine;
}

std::string_view wrong_with(const wire::AttachCommand& command) {
  if (command.result_completion_id == 0) return no_completion;
  if (command.target.index() == 0) return "it has no target";
  const auto* id = std::get_if<std::string>(&command.target);
  if (id && !wire::InvocationId::from_text(*id)) return "its target is not an invocation id";
  return fine;
}

std::string_view wrong_with(const wire::CompleteAwakeableCommand& command) {
  if (!wire::AwakeableId::from_text(command.awakeable_id)) return "that is not an awakeable id";
  return command.result.index() == 0 ? no_result : fine;
}

template <wire::Message T>
Verdict checked(MessageType type, std::string_view payload) {
  return shaped<T>(type, payload, [](const T& command) { return wrong_with(command); });
}

Verdict first(Verdict rule, Verdict (*shape)(MessageType, std::string_view), MessageType type,
              std::string_view payload) {
  return rule ? std::move(rule) : shape(type, payload);
}

}  // namespace

Verdict check_command(MessageType type, std::string_view payload, const wire::Target& target) {
  switch (type) {
    case MessageType::output_command: return with_result<wire::OutputCommand>(type, payload);
    case MessageType::get_lazy_state_command:
      return first(may_read_state(type, target), completable<wire::GetLazyStateCommand>, type,
                   payload);
    case MessageType::get_lazy_state_keys_command:
      return first(may_read_state(type, target), completable<wire::CompletableCommand>, type,
                   payload);
    case MessageType::get_eager_state_command:
      return first(may_read_state(type, target), with_result<wire::GetEagerStateCommand>, type,
                   payload);
    case MessageType::get_eager_state_keys_command: return may_read_state(type, target);
    case MessageType::set_state_command:
      return first(may_write_state(type, target), any_shape<wire::SetStateCommand>, type, payload);
    case MessageType::clear_state_command:
      return first(may_write_state(type, target), any_shape<wire::ClearStateCommand>, type,
                   payload);
    case MessageType::clear_all_state_command: return may_write_state(type, target);
    case MessageType::get_promise_command:
    case MessageType::peek_promise_command:
      return first(may_use_promises(type, target), completable<wire::PromiseCommand>, type,
                   payload);
    case MessageType::complete_promise_command:
      return first(may_use_promises(type, target), checked<wire::CompletePromiseCommand>, type,
                   payload);
    case MessageType::sleep_command: return completable<wire::SleepCommand>(type, payload);
    case MessageType::send_signal_command: return checked<wire::SendSignalCommand>(type, payload);
    case MessageType::run_command: return completable<wire::CompletableCommand>(type, payload);
    case MessageType::attach_invocation_command:
    case MessageType::get_invocation_output_command:
      return checked<wire::AttachCommand>(type, payload);
    case MessageType::complete_awakeable_command:
      return checked<wire::CompleteAwakeableCommand>(type, payload);
    default:
      return violation("a handler may not send " + std::string(wire::name_of(type)) + " (" +
                       std::to_string(static_cast<unsigned>(type)) + ")");
  }
}

}  // namespace perdure::invoker
