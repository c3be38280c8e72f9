#include "engine/wire/service_protocol.h"

#include "engine/base/bytes.h"

namespace perdure::wire {

FrameHeader read_frame_header(std::string_view bytes) {
  return {.type = static_cast<MessageType>(get_be<std::uint16_t>(bytes)),
          .flags = get_be<std::uint16_t>(bytes.substr(2)),
          .length = get_be<std::uint32_t>(bytes.substr(4))};
}

void put_frame(std::string& out, MessageType type, std::string_view payload, std::uint16_t flags) {
  put_be(out, static_cast<std::uint16_t>(type));
  put_be(out, flags);
  put_be(out, static_cast<std::uint32_t>(payload.size()));
  out.append(payload);
}

std::optional<FrameView> next_frame(std::string_view& rest) {
  if (rest.size() < frame_header_bytes) return std::nullopt;
  const FrameHeader header = read_frame_header(rest);
  if (rest.size() - frame_header_bytes < header.length) return std::nullopt;
  const FrameView frame{.header = header,
                        .payload = rest.substr(frame_header_bytes, header.length)};
  rest.remove_prefix(frame_header_bytes + header.length);
  return frame;
}

std::string_view name_of(MessageType type) {
  switch (type) {
    case MessageType::start: return "Start";
    case MessageType::suspension: return "Suspension";
    case MessageType::error: return "Error";
    case MessageType::end: return "End";
    case MessageType::command_ack: return "CommandAck";
    case MessageType::propose_run_completion: return "ProposeRunCompletion";
    case MessageType::awaiting_on: return "AwaitingOn";
    case MessageType::propose_run_completion_ack: return "ProposeRunCompletionAck";
    case MessageType::input_command: return "InputCommand";
    case MessageType::output_command: return "OutputCommand";
    case MessageType::get_lazy_state_command: return "GetLazyStateCommand";
    case MessageType::set_state_command: return "SetStateCommand";
    case MessageType::clear_state_command: return "ClearStateCommand";
    case MessageType::clear_all_state_command: return "ClearAllStateCommand";
    case MessageType::get_lazy_state_keys_command: return "GetLazyStateKeysCommand";
    case MessageType::get_eager_state_command: return "GetEagerStateCommand";
    case MessageType::get_eager_state_keys_command: return "GetEagerStateKeysCommand";
    case MessageType::get_promise_command: return "GetPromiseCommand";
    case MessageType::peek_promise_command: return "PeekPromiseCommand";
    case MessageType::complete_promise_command: return "CompletePromiseCommand";
    case MessageType::sleep_command: return "SleepCommand";
    case MessageType::call_command: return "CallCommand";
    case MessageType::one_way_call_command: return "OneWayCallCommand";
    case MessageType::send_signal_command: return "SendSignalCommand";
    case MessageType::run_command: return "RunCommand";
    case MessageType::attach_invocation_command: return "AttachInvocationCommand";
    case MessageType::get_invocation_output_command: return "GetInvocationOutputCommand";
    case MessageType::complete_awakeable_command: return "CompleteAwakeableCommand";
    case MessageType::get_lazy_state_completion: return "GetLazyStateCompletion";
    case MessageType::get_lazy_state_keys_completion: return "GetLazyStateKeysCompletion";
    case MessageType::get_promise_completion: return "GetPromiseCompletion";
    case MessageType::peek_promise_completion: return "PeekPromiseCompletion";
    case MessageType::complete_promise_completion: return "CompletePromiseCompletion";
    case MessageType::sleep_completion: return "SleepCompletion";
    case MessageType::call_completion: return "CallCompletion";
    case MessageType::call_invocation_id_completion: return "CallInvocationIdCompletion";
    case MessageType::run_completion: return "RunCompletion";
    case MessageType::attach_invocation_completion: return "AttachInvocationCompletion";
    case MessageType::get_invocation_output_completion: return "GetInvocationOutputCompletion";
    case MessageType::signal_notification: return "SignalNotification";
  }
  return "unknown";
}

}  // namespace perdure::wire
