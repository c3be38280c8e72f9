// tests/engine/invoker/words.h
//
// Messages of the service protocol as short words, for scripts and fiber tests:
//
//     input:hi  output:hi  fail:409  end          error:500:boom   error:500:boom:pause
//     run:1  ran:1~value  ran:1!409               suspend:1,2  suspend:s17  suspend:nx
//     sleep:2  get:k#1  eager:k~v  keys:1  set:k~v  clear:k  clearall
//     call:Svc/handler#1,2  call:Obj/key/handler#1,2  call:Svc/handler#1,2@idempotency
//     send:Svc/handler#1    promise:k#1  peek:k#1  resolve:k~v#1
//     signal:inv_1…  attach:inv_1…#1  awakeable:sign_1…  awaiting:1
//     done:run:1~v  done:sleep:2  done:call:2~v  done:id:1~inv_1…  cancelled
//     raw:1039:text (number of the type)
//
// In version 7 "suspend:all(1,s17,any(2,3))" is a tree.  A plus at the end of a word asks
// for an acknowledgement.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "engine/wire/service_protocol.h"

namespace tests {

namespace words {

namespace wire = perdure::wire;
using wire::MessageType;

inline std::pair<std::string, std::string> split(std::string_view text, char at) {
  const std::size_t found = text.find(at);
  if (found == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, found)), std::string(text.substr(found + 1))};
}
inline std::uint32_t number(std::string_view text) {
  return static_cast<std::uint32_t>(std::stoul(std::string(text)));
}
inline wire::Value value(std::string_view text) { return {.content = std::string(text)}; }

template <wire::Message T>
std::string framed(MessageType type, const T& message, bool ack) {
  std::string out;
  wire::put_frame(out, type, wire::encode(message), ack ? wire::requested_ack : 0);
  return out;
}

// "1,s17,nname" or "all(1,any(2,3))"
inline wire::Future future(std::string_view& rest) {
  wire::Future made{.combinator = wire::Combinator::first_completed};
  while (!rest.empty() && rest.front() != ')') {
    if (rest.starts_with("all(") || rest.starts_with("any(")) {
      const bool all = rest.starts_with("all(");
      rest.remove_prefix(4);
      wire::Future nested = future(rest);
      if (all) nested.combinator = wire::Combinator::all_completed;
      if (!rest.empty()) rest.remove_prefix(1);
      made.nested.push_back(std::move(nested));
    } else {
      const std::string_view leaf = rest.substr(0, rest.find_first_of(",)"));
      rest.remove_prefix(leaf.size());
      if (leaf.starts_with("s")) {
        made.signals.push_back(number(leaf.substr(1)));
      } else if (leaf.starts_with("n")) {
        made.named_signals.emplace_back(leaf.substr(1));
      } else {
        made.completions.push_back(number(leaf));
      }
    }
    if (rest.starts_with(",")) rest.remove_prefix(1);
  }
  return made;
}

inline std::string suspension(std::string_view text, std::uint32_t version) {
  wire::Future awaiting = future(text);
  wire::SuspensionMessage message;
  if (version >= 7) {
    message.awaiting_on = std::move(awaiting);
  } else {
    message.waiting_completions = awaiting.completions;
    message.waiting_signals = awaiting.signals;
    message.waiting_named_signals = awaiting.named_signals;
  }
  return framed(MessageType::suspension, message, false);
}

inline std::string error(std::string_view text) {
  const auto [code, rest] = split(text, ':');
  const auto [message, wish] = split(rest, ':');
  wire::ErrorMessage made{.code = number(code), .message = message};
  if (wish == "pause") made.behavior = wire::ErrorBehavior::pause;
  if (wish == "fail") made.behavior = wire::ErrorBehavior::fail;
  if (!wish.empty() && wish.front() >= '0' && wish.front() <= '9')
    made.next_retry_delay = number(wish);
  return framed(MessageType::error, made, false);
}

// "Svc/handler#1,2@once" in its parts.
struct Called {
  std::string service, key, handler;
  std::uint32_t first = 0, second = 0;
  std::optional<std::string> once;
};
inline Called called(std::string_view text) {
  Called made;
  auto [target_and_ids, once] = split(text, '@');
  if (text.find('@') != std::string_view::npos) made.once = once;
  auto [target, ids] = split(target_and_ids, '#');
  auto [service, rest] = split(target, '/');
  auto [middle, last] = split(rest, '/');
  made.service = service;
  made.handler = last.empty() ? middle : last;
  if (!last.empty()) made.key = middle;
  auto [first, second] = split(ids, ',');
  if (!first.empty()) made.first = number(first);
  if (!second.empty()) made.second = number(second);
  return made;
}

inline std::string call(std::string_view text, bool answered, bool ack) {
  const Called to = called(text);
  if (answered) {
    return framed(MessageType::call_command,
                  wire::CallCommand{.service_name = to.service,
                                    .handler_name = to.handler,
                                    .key = to.key,
                                    .idempotency_key = to.once,
                                    .invocation_id_notification_idx = to.first,
                                    .result_completion_id = to.second},
                  ack);
  }
  return framed(MessageType::one_way_call_command,
                wire::OneWayCallCommand{.service_name = to.service,
                                        .handler_name = to.handler,
                                        .key = to.key,
                                        .idempotency_key = to.once,
                                        .invocation_id_notification_idx = to.first},
                ack);
}

inline std::string ran(std::string_view text, bool ack) {
  wire::ProposeRunCompletionMessage made{.result_completion_id = number(text)};
  const auto [id, content] = split(text, '~');
  const auto [failed_id, code] = split(text, '!');
  if (!code.empty()) {
    made.result = wire::Failure{.code = number(code), .message = "no"};
  } else if (id != text) {
    made.result = content;
  }
  return framed(MessageType::propose_run_completion, made, ack);
}

inline std::string done(std::string_view text) {
  const auto [kind, rest] = split(text, ':');
  const auto [id, content] = split(rest, '~');
  const auto made = [&](MessageType type, wire::NotificationResult result) {
    return framed(type, wire::Notification::of_completion(number(id), std::move(result)), false);
  };
  if (kind == "run") return made(MessageType::run_completion, value(content));
  if (kind == "sleep") return made(MessageType::sleep_completion, wire::Void());
  if (kind == "call") return made(MessageType::call_completion, value(content));
  if (kind == "id") return made(MessageType::call_invocation_id_completion, content);
  throw std::invalid_argument("no such completion: " + kind);
}

inline std::string plain(std::string_view verb, const std::string& text, bool ack) {
  const auto [key, rest] = split(text, '#');
  const auto [name, content] = split(key, '~');
  const std::uint32_t id = rest.empty() ? 0 : number(rest);
  if (verb == "input")
    return framed(MessageType::input_command, wire::InputCommand{.value = value(text)}, ack);
  if (verb == "output") {
    return framed(MessageType::output_command, wire::OutputCommand{.result = value(text)}, ack);
  }
  if (verb == "fail") {
    return framed(
        MessageType::output_command,
        wire::OutputCommand{.result = wire::Failure{.code = number(text), .message = "no"}}, ack);
  }
  if (verb == "run") {
    return framed(MessageType::run_command,
                  wire::CompletableCommand{.result_completion_id = number(text)}, ack);
  }
  if (verb == "keys") {
    return framed(MessageType::get_lazy_state_keys_command,
                  wire::CompletableCommand{.result_completion_id = number(text)}, ack);
  }
  if (verb == "sleep") {
    return framed(MessageType::sleep_command,
                  wire::SleepCommand{.wake_up_time = 1, .result_completion_id = number(text)}, ack);
  }
  if (verb == "get") {
    return framed(MessageType::get_lazy_state_command,
                  wire::GetLazyStateCommand{.key = key, .result_completion_id = id}, ack);
  }
  if (verb == "eager") {
    return framed(MessageType::get_eager_state_command,
                  wire::GetEagerStateCommand{.key = name, .result = value(content)}, ack);
  }
  if (verb == "set") {
    return framed(MessageType::set_state_command,
                  wire::SetStateCommand{.key = name, .value = value(content)}, ack);
  }
  if (verb == "clear")
    return framed(MessageType::clear_state_command, wire::ClearStateCommand{.key = text}, ack);
  if (verb == "clearall")
    return framed(MessageType::clear_all_state_command, wire::CompletableCommand(), ack);
  if (verb == "promise" || verb == "peek") {
    return framed(
        verb == "peek" ? MessageType::peek_promise_command : MessageType::get_promise_command,
        wire::PromiseCommand{.key = key, .result_completion_id = id}, ack);
  }
  if (verb == "resolve") {
    return framed(MessageType::complete_promise_command,
                  wire::CompletePromiseCommand{
                      .key = name, .completion = value(content), .result_completion_id = id},
                  ack);
  }
  if (verb == "signal") {
    wire::SendSignalCommand made{.target_invocation_id = text, .result = wire::Void()};
    made.signal = std::uint32_t{1};
    return framed(MessageType::send_signal_command, made, ack);
  }
  if (verb == "attach") {
    wire::AttachCommand made{.target = key, .result_completion_id = id};
    return framed(MessageType::attach_invocation_command, made, ack);
  }
  if (verb == "awakeable") {
    return framed(MessageType::complete_awakeable_command,
                  wire::CompleteAwakeableCommand{.awakeable_id = text, .result = value("x")}, ack);
  }
  throw std::invalid_argument("no such word: " + std::string(verb));
}

}  // namespace words

// The frame; throws std::invalid_argument for a word it does not know.
inline std::string frame_of(std::string_view word, std::uint32_t version) {
  using words::MessageType;
  const bool ack = word.ends_with('+');
  if (ack) word.remove_suffix(1);
  const auto [verb, text] = words::split(word, ':');
  if (verb == "end") return words::framed(MessageType::end, words::wire::Void(), ack);
  if (verb == "start") return words::framed(MessageType::start, words::wire::StartMessage(), ack);
  if (verb == "error") return words::error(text);
  if (verb == "ran") return words::ran(text, ack);
  if (verb == "done") return words::done(text);
  if (verb == "suspend") return words::suspension(text, version);
  if (verb == "call" || verb == "send") return words::call(text, verb == "call", ack);
  if (verb == "awaiting")
    return words::framed(MessageType::awaiting_on, words::wire::AwaitingOnMessage(), ack);
  if (verb == "cancelled") {
    return words::framed(MessageType::signal_notification,
                         words::wire::Notification::of_signal(1, words::wire::Void()), ack);
  }
  if (verb == "raw") {
    const auto [type, payload] = words::split(text, ':');
    std::string out;
    words::wire::put_frame(out, static_cast<MessageType>(words::number(type)), payload);
    return out;
  }
  return words::plain(verb, text, ack);
}

// "CommandAck {command_index: 1}\n", one line a frame.
inline std::string show_frames(std::string_view frames) {
  namespace wire = perdure::wire;
  std::string out;
  while (const auto frame = wire::next_frame(frames)) {
    out.append(wire::name_of(frame->header.type)).append(" ");
    const std::string payload(frame->payload);
    if (frame->header.type == wire::MessageType::command_ack) {
      out += wire::show(*wire::decode<wire::CommandAckMessage>(payload));
    } else if (frame->header.type == wire::MessageType::propose_run_completion_ack) {
      out += wire::show(*wire::decode<wire::ProposeRunCompletionAckMessage>(payload));
    } else if (wire::is_notification(frame->header.type)) {
      out += wire::show(*wire::decode<wire::Notification>(payload));
    }
    out += "\n";
  }
  return out;
}

}  // namespace tests
