// tests/sdk/tiny_server.h
//
// The server's side of the service protocol in a few lines: keeps the journal, completes
// what can be completed, replays it to each attempt.  Time is what it says: a sleep is over
// when there is nothing else to tell.
//
//     service Other   echo: its parameter    fail: a failure, 500    never: no answer
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/io/http.h"
#include "engine/wire/ids.h"
#include "engine/wire/service_protocol.h"
#include "sdk/endpoint.h"

namespace tests {

namespace wire = perdure::wire;

struct Served {
  std::string text;          // the answer, or the failure's message
  std::uint32_t failed = 0;  // its code
  int attempts = 0;
  std::string errors;                  // of attempts: "500 not yet; "
  std::vector<std::string> cancelled;  // invocations that were told to stop
};

struct Habits {
  std::uint32_t version = 6;
  bool bidirectional = true;
  bool lazy_state = false;
  std::uint32_t cancel_after = 0;  // commands; then the invocation is cancelled, once
  int breaks_after = 0;            // reads; then the connection breaks
  int attempts_max = 20;
};

class TinyServer {
 public:
  using MessageType = wire::MessageType;

  TinyServer(const perdure::sdk::Endpoint& endpoint, Habits habits)
      : endpoint_(endpoint), habits_(habits) {}

  Served invoke(std::string_view service, std::string_view handler, std::string_view input) {
    wire::InputCommand command;
    command.value.content = input;
    store(MessageType::input_command, wire::encode(command));
    target_ = "/invoke/" + std::string(service) + "/" + std::string(handler);
    while (!answered_ && served_.attempts < habits_.attempts_max) {
      ++served_.attempts;
      Conversation conversation(*this);
      endpoint_.serve(conversation);
      if (!answered_) fire();
    }
    return served_;
  }

 private:
  // One attempt.
  class Conversation final : public perdure::io::Exchange {
   public:
    explicit Conversation(TinyServer& server)
        : server_(server),
          request_{.method = "POST",
                   .target = server.target_,
                   .headers = {{"content-type", "application/vnd.restate.invocation.v" +
                                                    std::to_string(server.habits_.version)}}},
          unread_(server.opening()) {}

    const perdure::io::Request& request() const override { return request_; }
    perdure::io::HttpVersion version() const override { return perdure::io::HttpVersion::http2; }
    std::string peer() const override { return "tiny"; }
    perdure::Result<std::string> read(perdure::Instant) override {
      ++reads_;
      if (server_.habits_.breaks_after > 0 && reads_ > server_.habits_.breaks_after) {
        return perdure::fail(perdure::Code::failed, "broken");
      }
      if (unread_.empty() && server_.habits_.bidirectional) unread_ = server_.news();
      return std::exchange(unread_, {});
    }
    void respond(perdure::io::Response response, std::string) override {
      server_.served_.errors += "status " + std::to_string(response.status) + "; ";
    }
    void start(perdure::io::Response) override {}
    perdure::Result<void> write(std::string_view bytes, perdure::Instant) override {
      unheard_.append(bytes);
      std::string_view rest = unheard_;
      while (const auto frame = wire::next_frame(rest)) unread_ += server_.hear(*frame);
      unheard_.erase(0, unheard_.size() - rest.size());
      if (!server_.habits_.bidirectional) unread_.clear();
      return {};
    }
    void finish() override {}
    void reset() override {}

   private:
    TinyServer& server_;
    const perdure::io::Request request_;
    std::string unread_, unheard_;
    int reads_ = 0;
  };

  struct Due {
    std::uint64_t at;
    MessageType type;
    std::uint32_t completion;
    wire::NotificationResult result;
  };

  void store(MessageType type, std::string_view payload) {
    wire::put_frame(journal_, type, payload);
    ++entries_;
    if (!wire::is_command(type)) return;
    ++commands_;
    retries_ = 0;
  }

  std::string opening() {
    wire::StartMessage start{.id = wire::InvocationId{.partition_key = 1, .uuid = {2, 3}}.bytes(),
                             .debug_id = "inv_x",
                             .known_entries = entries_,
                             .partial_state = habits_.lazy_state,
                             .key = "k",
                             .retry_count_since_last_stored_entry = retries_,
                             .random_seed = 7};
    if (!habits_.lazy_state) {
      for (const auto& [key, value] : state_) start.state_map.push_back({key, value});
    }
    std::string bytes;
    wire::put_message(bytes, MessageType::start, start);
    return bytes + journal_;
  }

  std::string tell(MessageType type, const wire::Notification& notification) {
    const std::string payload = wire::encode(notification);
    store(type, payload);
    std::string frame;
    wire::put_frame(frame, type, payload);
    return frame;
  }
  std::string complete(MessageType type, std::uint32_t id, wire::NotificationResult result) {
    return tell(type, wire::Notification::of_completion(id, std::move(result)));
  }

  // The next thing that happens by itself; "" when nothing will.
  std::string fire() {
    if (habits_.cancel_after > 0 && commands_ >= habits_.cancel_after) {
      habits_.cancel_after = 0;
      return tell(MessageType::signal_notification,
                  wire::Notification::of_signal(wire::cancel_signal, wire::Void()));
    }
    const auto next = std::ranges::min_element(due_, {}, &Due::at);
    if (next == due_.end()) return "";
    const Due due = *next;
    due_.erase(next);
    now_ = std::max(now_, due.at);
    return complete(due.type, due.completion, due.result);
  }
  std::string news() { return fire(); }

  template <class T>
  static T read(std::string_view payload) {
    return *wire::decode<T>(payload);
  }

  std::string hear(const wire::FrameView& frame) {
    const MessageType type = frame.header.type;
    const std::string_view payload = frame.payload;
    if (wire::is_command(type)) store(type, payload);
    switch (type) {
      case MessageType::propose_run_completion: return hear_run(frame);
      case MessageType::sleep_command: {
        const auto sleep = read<wire::SleepCommand>(payload);
        due_.push_back({sleep.wake_up_time, MessageType::sleep_completion,
                        sleep.result_completion_id, wire::Void()});
        return "";
      }
      case MessageType::call_command: return hear_call(read<wire::CallCommand>(payload));
      case MessageType::one_way_call_command:
        return complete(MessageType::call_invocation_id_completion,
                        read<wire::OneWayCallCommand>(payload).invocation_id_notification_idx,
                        new_invocation());
      case MessageType::set_state_command: {
        const auto set = read<wire::SetStateCommand>(payload);
        state_[set.key] = set.value.content;
        return "";
      }
      case MessageType::clear_state_command:
        state_.erase(read<wire::ClearStateCommand>(payload).key);
        return "";
      case MessageType::get_lazy_state_command: {
        const auto get = read<wire::GetLazyStateCommand>(payload);
        const auto found = state_.find(get.key);
        wire::NotificationResult result = wire::Void();
        if (found != state_.end()) result = wire::Value{found->second};
        return complete(MessageType::get_lazy_state_completion, get.result_completion_id, result);
      }
      case MessageType::get_lazy_state_keys_command: {
        wire::StateKeys keys;
        for (const auto& [key, value] : state_) keys.keys.push_back(key);
        return complete(MessageType::get_lazy_state_keys_completion,
                        read<wire::CompletableCommand>(payload).result_completion_id, keys);
      }
      case MessageType::send_signal_command:
        served_.cancelled.push_back(read<wire::SendSignalCommand>(payload).target_invocation_id);
        return "";
      case MessageType::output_command: hear_output(read<wire::OutputCommand>(payload)); return "";
      case MessageType::error: {
        const auto error = read<wire::ErrorMessage>(payload);
        served_.errors += std::to_string(error.code) + " " + error.message + "; ";
        ++retries_;
        return "";
      }
      case MessageType::end: answered_ = true; return "";
      default: return "";
    }
  }

  std::string hear_run(const wire::FrameView& frame) {
    const auto run = read<wire::ProposeRunCompletionMessage>(frame.payload);
    wire::NotificationResult result;
    if (const auto* value = std::get_if<std::string>(&run.result)) {
      result = wire::Value{*value};
    } else {
      result = std::get<wire::Failure>(run.result);
    }
    const std::string whole =
        complete(MessageType::run_completion, run.result_completion_id, result);
    if (frame.header.flags != wire::requested_ack) return whole;
    std::string ack;
    wire::put_message(
        ack, MessageType::propose_run_completion_ack,
        wire::ProposeRunCompletionAckMessage{.completion_id = run.result_completion_id});
    return ack;
  }

  std::string hear_call(const wire::CallCommand& call) {
    wire::NotificationResult result = wire::Value{call.parameter};
    if (call.handler_name == "fail") result = wire::Failure{.code = 500, .message = "no"};
    if (call.handler_name != "never") {
      due_.push_back({++now_, MessageType::call_completion, call.result_completion_id, result});
    }
    return complete(MessageType::call_invocation_id_completion, call.invocation_id_notification_idx,
                    new_invocation());
  }
  std::string new_invocation() { return "inv_called_" + std::to_string(++called_); }

  void hear_output(const wire::OutputCommand& output) {
    if (const auto* value = std::get_if<wire::Value>(&output.result)) {
      served_.text = value->content;
    } else {
      const auto& failure = std::get<wire::Failure>(output.result);
      served_.text = failure.message;
      served_.failed = failure.code;
    }
  }

  const perdure::sdk::Endpoint& endpoint_;
  Habits habits_;
  std::string target_, journal_;
  std::uint32_t entries_ = 0, commands_ = 0, retries_ = 0, called_ = 0;
  std::map<std::string, std::string> state_;
  std::vector<Due> due_;
  std::uint64_t now_ = 0;
  bool answered_ = false;
  Served served_;
};

}  // namespace tests
