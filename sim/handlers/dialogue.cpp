#include "sim/handlers/dialogue.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/match.h"
#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "engine/wire/ids.h"

namespace perdure::sim {

using wire::MessageType;

namespace {
constexpr Duration patience = std::chrono::minutes(20);
constexpr std::string_view content_type = "application/vnd.restate.invocation.v";
}  // namespace

Dialogue::Dialogue(io::World world, io::Exchange& exchange, const Mischief& mischief,
                   HandlerWatch& watch, std::string_view release)
    : world_(world), exchange_(exchange), mischief_(mischief), watch_(watch), release_(release) {}

std::unexpected<Error> Dialogue::over(std::string why) {
  over_ = true;
  return fail(Code::cancelled, std::move(why));
}

bool Dialogue::chance(double probability) {
  if (probability <= 0) return false;
  return static_cast<double>(world_.random.draw("handler.mischief") >> 11) * 0x1.0p-53 <
         probability;
}

// --- receiving ---

Result<void> Dialogue::begin() {
  const std::string* type = io::find_header(exchange_.request().headers, "content-type");
  if (type == nullptr || !type->starts_with(content_type) ||
      type->size() != content_type.size() + 1) {
    exchange_.respond({.status = 415}, "");
    return over("not the service protocol");
  }
  version_ = static_cast<std::uint32_t>(type->back() - '0');
  exchange_.start(
      {.status = 200, .headers = {{"content-type", *type}, {"x-restate-server", "perdure-sim/1"}}});
  bool started = false;
  while (!started || entries_read_ < start_.known_entries) {
    std::string_view rest = received_;
    while (!started || entries_read_ < start_.known_entries) {
      const auto frame = wire::next_frame(rest);
      if (!frame) break;
      if (!started) {
        if (frame->header.type != MessageType::start) return over("no Start");
        auto start = wire::decode<wire::StartMessage>(frame->payload);
        if (!start) return over("bad Start");
        start_ = std::move(*start);
        started = true;
        continue;
      }
      wire::put_frame(replayed_frames_, frame->header.type, frame->payload);
      sort(*frame);
      ++entries_read_;
    }
    received_.erase(0, received_.size() - rest.size());
    if (!started || entries_read_ < start_.known_entries) {
      if (input_ended_) return over("the journal was cut off");
      if (const auto more = receive(); !more) return over(more.error().detail);
    }
  }
  watch_.started(start_.debug_id, fmt::format("key '{}', random seed {}, version {}", start_.key,
                                              start_.random_seed, version_));
  watch_.replayed(start_.debug_id, replayed_frames_);
  for (const wire::KeyValue& entry : start_.state_map) state_[entry.key] = entry.value;
  state_is_partial_ = start_.partial_state;
  if (journal_.empty() || journal_.front().type != MessageType::input_command)
    return over("no input");
  if (auto input = wire::decode<wire::InputCommand>(journal_.front().payload)) {
    input_ = std::move(input->value.content);
    headers_ = std::move(input->headers);
  }
  journal_.pop_front();
  return {};
}

std::string Dialogue::header(std::string_view name) const {
  const auto found = std::ranges::find(headers_, name, &wire::KeyValue::key);
  return found == headers_.end() ? "" : found->value;
}

Result<void> Dialogue::receive() {
  TRY(bytes, exchange_.read(world_.fibers.now() + patience));
  if (bytes.empty()) input_ended_ = true;
  received_ += bytes;
  return {};
}

void Dialogue::sort(wire::FrameView frame) {
  if (wire::is_command(frame.header.type)) {
    journal_.push_back({frame.header.type, std::string(frame.payload)});
    return;
  }
  if (!wire::is_notification(frame.header.type)) return;  // acks are of no interest
  auto notification = wire::decode<wire::Notification>(frame.payload);
  if (!notification) return;
  if (const auto* completion = std::get_if<1>(&notification->id)) {
    completions_[*completion] = std::move(notification->result);
  } else if (const auto* signal = std::get_if<2>(&notification->id)) {
    signals_.emplace(*signal, std::move(notification->result));
  }
}

// --- sending ---

Result<void> Dialogue::flush() {
  if (unsent_.empty()) return {};
  const std::string bytes = std::exchange(unsent_, {});
  if (const auto sent = exchange_.write(bytes, world_.fibers.now() + patience); !sent) {
    return over(sent.error().detail);
  }
  return {};
}

template <class Message>
Result<void> Dialogue::emit(MessageType type, const Message& message) {
  wire::put_message(unsent_, type, message);
  // Several messages in one piece, or each for itself.
  if (chance(0.5)) return flush();
  return {};
}

Result<void> Dialogue::live_step() {
  if (over_) return fail(Code::cancelled, "the attempt is over");
  if (chance(mischief_.slow)) {
    const auto most = static_cast<std::uint64_t>(mischief_.slow_most.count());
    const auto pause =
        Duration(static_cast<Duration::rep>(world_.random.below("handler.slow", most)));
    if (!world_.fibers.sleep_until(world_.fibers.now() + pause)) return over("cancelled");
  }
  if (chance(mischief_.vanish)) {
    if (chance(0.5)) TRY_VOID(flush());
    exchange_.reset();
    return over("vanished");
  }
  if (chance(mischief_.error)) return give_up("out of luck");
  if (chance(mischief_.nonsense)) {
    TRY_VOID(emit(MessageType::command_ack, wire::CommandAckMessage{.command_index = 7}));
    TRY_VOID(flush());
    exchange_.finish();
    return over("said nonsense");
  }
  return {};
}

std::unexpected<Error> Dialogue::give_up(std::string_view why) {
  wire::ErrorMessage message = {.code = 500, .message = std::string(why)};
  if (emit(MessageType::error, message) && flush()) exchange_.finish();
  return over("reported an error");
}

// --- the journal, met again ---

Result<std::optional<Dialogue::Replayed>> Dialogue::replay(
    std::string_view what, std::initializer_list<MessageType> types) {
  if (over_) return fail(Code::cancelled, "the attempt is over");
  if (journal_.empty()) {
    TRY_VOID(live_step());
    return std::optional<Replayed>();
  }
  Replayed next = std::move(journal_.front());
  journal_.pop_front();
  if (std::ranges::find(types, next.type) == types.end()) {
    watch_.mismatched(start_.debug_id, fmt::format("{} met {}", what, wire::name_of(next.type)));
    return over("journal mismatch");
  }
  return std::optional(std::move(next));
}

// True: it is new and was sent.  False: it was in the journal already.
template <class Message>
Result<bool> Dialogue::command(std::string_view what, MessageType type, const Message& message) {
  TRY(replayed, replay(what, {type}));
  if (!replayed) {
    TRY_VOID(emit(type, message));
    return true;
  }
  if (replayed->payload != wire::encode(message)) {
    auto stored = wire::decode<Message>(replayed->payload);
    watch_.mismatched(start_.debug_id, fmt::format("{} met {}", wire::show(message),
                                                   stored ? wire::show(*stored) : "garbage"));
    return over("journal mismatch");
  }
  return false;
}

// --- waiting ---

Result<void> Dialogue::suspend(std::optional<std::uint32_t> completion,
                               std::optional<std::uint32_t> signal) {
  wire::SuspensionMessage message;
  wire::Future future;
  if (completion) future.completions.push_back(*completion);
  if (signal) future.signals.push_back(*signal);
  future.signals.push_back(wire::cancel_signal);
  if (version_ >= 7) {
    future.combinator = wire::Combinator::first_completed;
    message.awaiting_on = std::move(future);
  } else {
    message.waiting_completions = future.completions;
    message.waiting_signals = future.signals;
  }
  TRY_VOID(emit(MessageType::suspension, message));
  TRY_VOID(flush());
  exchange_.finish();
  return over("suspended");
}

void Dialogue::take_frames() {
  std::string_view rest = received_;
  while (const auto frame = wire::next_frame(rest)) sort(*frame);
  received_.erase(0, received_.size() - rest.size());
}

// As a tree where the protocol has trees; else any of them wakes us, and we look again.
Result<void> Dialogue::suspend_until_all(std::vector<std::uint32_t> completions) {
  wire::SuspensionMessage message;
  if (version_ >= 7) {
    wire::Future all;
    all.completions = std::move(completions);
    all.combinator = wire::Combinator::all_completed;
    wire::Future any;
    any.signals.push_back(wire::cancel_signal);
    any.nested.push_back(std::move(all));
    any.combinator = wire::Combinator::first_completed;
    message.awaiting_on = std::move(any);
  } else {
    message.waiting_completions = std::move(completions);
    message.waiting_signals.push_back(wire::cancel_signal);
  }
  TRY_VOID(emit(MessageType::suspension, message));
  TRY_VOID(flush());
  exchange_.finish();
  return over("suspended");
}

Result<void> Dialogue::await_all(std::span<const Awaited> all) {
  const bool suspends = chance(mischief_.suspend);
  while (true) {
    take_frames();
    std::vector<std::uint32_t> missing;
    for (const Awaited& each : all) {
      if (!completions_.contains(each.completion)) missing.push_back(each.completion);
    }
    if (missing.empty()) return {};
    if (signals_.contains(wire::cancel_signal)) return fail(Code::conflict, "cancelled");
    TRY_VOID(flush());
    if (input_ended_ || suspends) TRY_VOID(suspend_until_all(std::move(missing)));
    if (const auto more = receive(); !more) return over(more.error().detail);
  }
}

Result<wire::NotificationResult> Dialogue::wait_for(std::optional<std::uint32_t> completion,
                                                    std::optional<std::uint32_t> signal) {
  const bool suspends = chance(mischief_.suspend);
  while (true) {
    take_frames();
    if (completion && completions_.contains(*completion)) return completions_.at(*completion);
    if (signal && signals_.contains(*signal)) return signals_.at(*signal);
    if (signals_.contains(wire::cancel_signal)) return fail(Code::conflict, "cancelled");
    TRY_VOID(flush());
    if (input_ended_ || suspends) {
      TRY_VOID(suspend(completion, signal));
    }
    if (const auto more = receive(); !more) return over(more.error().detail);
  }
}

Result<std::string> Dialogue::value_of(const wire::NotificationResult& result) {
  return match(
      result, [](const std::monostate&) -> Result<std::string> { return std::string(); },
      [](const wire::Void&) -> Result<std::string> { return std::string(); },
      [](const wire::Value& value) -> Result<std::string> { return value.content; },
      [](const wire::Failure& failure) -> Result<std::string> {
        return fail(Code::conflict, fmt::format("{} {}", failure.code, failure.message));
      },
      [](const std::string& invocation) -> Result<std::string> { return invocation; },
      [](const wire::StateKeys&) -> Result<std::string> { return std::string(); });
}

// --- the context ---

Result<std::optional<std::string>> Dialogue::get(std::string_view key) {
  using Maybe = std::optional<std::string>;
  TRY(replayed,
      replay("get", {MessageType::get_eager_state_command, MessageType::get_lazy_state_command}));
  const auto local = state_.find(key);
  const bool known = local != state_.end() || cleared_.contains(key) || !state_is_partial_;
  if (replayed && replayed->type == MessageType::get_eager_state_command) {
    auto stored = wire::decode<wire::GetEagerStateCommand>(replayed->payload);
    if (!stored || stored->key != key) {
      watch_.mismatched(start_.debug_id, "get of another key");
      return over("journal mismatch");
    }
    const auto* value = std::get_if<wire::Value>(&stored->result);
    return value != nullptr ? Maybe(value->content) : Maybe();
  }
  if (!replayed && known) {
    wire::GetEagerStateCommand eager = {.key = std::string(key)};
    if (local != state_.end()) {
      eager.result = wire::Value{local->second};
    } else {
      eager.result = wire::Void();
    }
    TRY_VOID(emit(MessageType::get_eager_state_command, eager));
    return local != state_.end() ? Maybe(local->second) : Maybe();
  }
  const std::uint32_t id = next_completion_++;
  if (!replayed) {
    TRY_VOID(emit(MessageType::get_lazy_state_command,
                  wire::GetLazyStateCommand{.key = std::string(key), .result_completion_id = id}));
  }
  TRY(result, wait_for(id, std::nullopt));
  const auto* value = std::get_if<wire::Value>(&result);
  return value != nullptr ? Maybe(value->content) : Maybe();
}

Result<void> Dialogue::set(std::string_view key, std::string_view value) {
  TRY(fresh,
      command("set", MessageType::set_state_command,
              wire::SetStateCommand{.key = std::string(key), .value = {std::string(value)}}));
  (void)fresh;
  state_[std::string(key)] = value;
  cleared_.erase(std::string(key));
  return {};
}

Result<void> Dialogue::clear(std::string_view key) {
  TRY(fresh, command("clear", MessageType::clear_state_command,
                     wire::ClearStateCommand{.key = std::string(key)}));
  (void)fresh;
  state_.erase(std::string(key));
  cleared_[std::string(key)] = true;
  return {};
}

Result<std::string> Dialogue::run(std::string_view name,
                                  const std::function<std::string()>& closure) {
  const std::uint32_t id = next_completion_++;
  TRY(fresh, command("run", MessageType::run_command,
                     wire::CompletableCommand{.result_completion_id = id,
                                              .name = std::string(name) + release_}));
  if (fresh || !completions_.contains(id)) {
    if (!fresh) TRY_VOID(live_step());
    const std::string value = closure();
    watch_.ran(start_.debug_id, name);
    TRY_VOID(live_step());
    wire::ProposeRunCompletionMessage proposal = {.result_completion_id = id};
    if (value.starts_with('!')) {
      proposal.result = wire::Failure{.code = 500, .message = value};
    } else {
      proposal.result = value;
    }
    TRY_VOID(emit(MessageType::propose_run_completion, proposal));
  }
  TRY(result, wait_for(id, std::nullopt));
  return value_of(result);
}

std::string Dialogue::drawn() { return std::to_string(world_.random.draw("handler.drawn")); }

Result<void> Dialogue::clear_all() {
  TRY(fresh,
      command("clear_all", MessageType::clear_all_state_command, wire::CompletableCommand()));
  (void)fresh;
  state_.clear();
  cleared_.clear();
  state_is_partial_ = false;  // all is known: there is nothing
  return {};
}

Result<std::vector<std::string>> Dialogue::keys() {
  const std::uint32_t id = next_completion_++;
  TRY(fresh, command("keys", MessageType::get_lazy_state_keys_command,
                     wire::CompletableCommand{.result_completion_id = id}));
  (void)fresh;
  TRY(result, wait_for(id, std::nullopt));
  const auto* found = std::get_if<wire::StateKeys>(&result);
  return found != nullptr ? found->keys : std::vector<std::string>();
}

Result<std::string> Dialogue::promise(std::string_view name) {
  const std::uint32_t id = next_completion_++;
  TRY(fresh, command("promise", MessageType::get_promise_command,
                     wire::PromiseCommand{.key = std::string(name), .result_completion_id = id}));
  (void)fresh;
  TRY(result, wait_for(id, std::nullopt));
  return value_of(result);
}

Result<std::optional<std::string>> Dialogue::peek_promise(std::string_view name) {
  const std::uint32_t id = next_completion_++;
  TRY(fresh, command("peek_promise", MessageType::peek_promise_command,
                     wire::PromiseCommand{.key = std::string(name), .result_completion_id = id}));
  (void)fresh;
  TRY(result, wait_for(id, std::nullopt));
  const auto* value = std::get_if<wire::Value>(&result);
  return value != nullptr ? std::optional(value->content) : std::nullopt;
}

Result<bool> Dialogue::complete_promise(std::string_view name, std::string_view value) {
  const std::uint32_t id = next_completion_++;
  wire::CompletePromiseCommand message = {.key = std::string(name), .result_completion_id = id};
  if (value.starts_with('!')) {
    message.completion = wire::Failure{.code = 500, .message = std::string(value)};
  } else {
    message.completion = wire::Value{std::string(value)};
  }
  TRY(fresh, command("complete_promise", MessageType::complete_promise_command, message));
  (void)fresh;
  TRY(result, wait_for(id, std::nullopt));
  return !std::holds_alternative<wire::Failure>(result);
}

Result<void> Dialogue::sleep(Duration span) {
  TRY(alarm, begin_sleep(span));
  TRY(result, wait_for(alarm.completion, std::nullopt));
  (void)result;
  return {};
}

Result<Dialogue::Awaited> Dialogue::begin_sleep(Duration span) {
  const std::uint32_t id = next_completion_++;
  TRY(replayed, replay("sleep", {MessageType::sleep_command}));
  if (!replayed) {
    const WallTime wake_up =
        world_.clock.wall() + std::chrono::duration_cast<std::chrono::milliseconds>(span);
    TRY_VOID(emit(MessageType::sleep_command,
                  wire::SleepCommand{.wake_up_time = static_cast<std::uint64_t>(
                                         wake_up.time_since_epoch().count()),
                                     .result_completion_id = id}));
  }
  return Awaited{id};
}

Result<std::string> Dialogue::call(std::string_view service, std::string_view handler,
                                   std::string_view key, std::string_view parameter) {
  TRY(begun, begin_call(service, handler, key, parameter));
  return await(begun);
}

Result<std::string> Dialogue::await(Awaited awaited) {
  if (over_) return fail(Code::cancelled, "the attempt is over");
  TRY(result, wait_for(awaited.completion, std::nullopt));
  return value_of(result);
}

Result<void> Dialogue::await_first(Awaited awaited, const Awakeable& awakeable) {
  if (over_) return fail(Code::cancelled, "the attempt is over");
  TRY(result, wait_for(awaited.completion, awakeable.signal));
  (void)result;
  return {};
}

Result<Dialogue::Awaited> Dialogue::begin_call(std::string_view service, std::string_view handler,
                                               std::string_view key, std::string_view parameter,
                                               std::optional<std::string_view> idempotency_key) {
  const std::uint32_t invocation = next_completion_++;
  const std::uint32_t result_id = next_completion_++;
  wire::CallCommand message = {.service_name = std::string(service),
                               .handler_name = std::string(handler),
                               .parameter = std::string(parameter),
                               .key = std::string(key),
                               .invocation_id_notification_idx = invocation,
                               .result_completion_id = result_id};
  if (idempotency_key) message.idempotency_key = *idempotency_key;
  TRY(fresh, command("call", MessageType::call_command, message));
  (void)fresh;
  return Awaited{result_id};
}

Result<void> Dialogue::send(std::string_view service, std::string_view handler,
                            std::string_view key, std::string_view parameter) {
  const std::uint32_t invocation = next_completion_++;
  TRY(fresh, command("send", MessageType::one_way_call_command,
                     wire::OneWayCallCommand{.service_name = std::string(service),
                                             .handler_name = std::string(handler),
                                             .parameter = std::string(parameter),
                                             .key = std::string(key),
                                             .invocation_id_notification_idx = invocation}));
  (void)fresh;
  return {};
}

Result<void> Dialogue::send_later(std::string_view service, std::string_view handler,
                                  std::string_view key, std::string_view parameter,
                                  Duration delay) {
  const std::uint32_t invocation = next_completion_++;
  TRY(replayed, replay("send_later", {MessageType::one_way_call_command}));
  if (replayed) return {};
  const WallTime due =
      world_.clock.wall() + std::chrono::duration_cast<std::chrono::milliseconds>(delay);
  return emit(MessageType::one_way_call_command,
              wire::OneWayCallCommand{
                  .service_name = std::string(service),
                  .handler_name = std::string(handler),
                  .parameter = std::string(parameter),
                  .invoke_time = static_cast<std::uint64_t>(due.time_since_epoch().count()),
                  .key = std::string(key),
                  .invocation_id_notification_idx = invocation});
}

Result<std::string> Dialogue::attach(const Named& whom, bool only_if_ready) {
  const std::uint32_t id = next_completion_++;
  wire::AttachCommand message = {.result_completion_id = id};
  if (!whom.invocation.empty()) {
    message.target = whom.invocation;
  } else {
    message.target = wire::IdempotentRequestTarget{.service_name = whom.service,
                                                   .handler_name = whom.handler,
                                                   .idempotency_key = whom.idempotency_key};
  }
  TRY(fresh, command("attach",
                     only_if_ready ? MessageType::get_invocation_output_command
                                   : MessageType::attach_invocation_command,
                     message));
  (void)fresh;
  TRY(result, wait_for(id, std::nullopt));
  return value_of(result);
}

Result<void> Dialogue::cancel(std::string_view invocation) {
  wire::SendSignalCommand message = {.target_invocation_id = std::string(invocation)};
  message.signal = wire::cancel_signal;
  message.result = wire::Void{};
  TRY(fresh, command("cancel", MessageType::send_signal_command, message));
  (void)fresh;
  return {};
}

Result<void> Dialogue::complete_awakeable(std::string_view id, wire::Outcome result) {
  wire::CompleteAwakeableCommand message = {.awakeable_id = std::string(id)};
  message.result = std::move(result);
  TRY(fresh, command("complete_awakeable", MessageType::complete_awakeable_command, message));
  (void)fresh;
  return {};
}

Dialogue::Awakeable Dialogue::awakeable() {
  const std::uint32_t signal = next_signal_++;
  const auto invocation = wire::InvocationId::from_bytes(start_.id);
  const wire::AwakeableId id = {.invocation = invocation ? *invocation : wire::InvocationId(),
                                .signal = signal};
  return {.id = id.text(), .signal = signal};
}

Result<std::string> Dialogue::await(const Awakeable& awakeable) {
  if (over_) return fail(Code::cancelled, "the attempt is over");
  TRY(result, wait_for(std::nullopt, awakeable.signal));
  return value_of(result);
}

Result<void> Dialogue::output(std::string_view value) {
  watch_.ended(start_.debug_id);  // before the first byte of it can have gone out
  wire::OutputCommand message;
  message.result = wire::Value{std::string(value)};
  TRY(fresh, command("output", MessageType::output_command, message));
  (void)fresh;
  TRY_VOID(emit(MessageType::end, wire::Void()));
  TRY_VOID(flush());
  exchange_.finish();
  over_ = true;
  return {};
}

Result<void> Dialogue::output_failure(std::uint32_t code, std::string_view text) {
  watch_.ended(start_.debug_id);  // before the first byte of it can have gone out
  wire::OutputCommand message;
  message.result = wire::Failure{.code = code, .message = std::string(text)};
  TRY(fresh, command("output", MessageType::output_command, message));
  (void)fresh;
  TRY_VOID(emit(MessageType::end, wire::Void()));
  TRY_VOID(flush());
  exchange_.finish();
  over_ = true;
  return {};
}

}  // namespace perdure::sim
