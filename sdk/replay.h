// sdk/replay.h
//
// The handler's side of one attempt, as a value: what it did in earlier attempts is met
// again, what it does for the first time is told to the server.  Bytes go in, bytes come
// out; nothing parks, nothing is sent from here.
//
//     server                               replay                            handler
//       ├── Start, journal ─────────────────► │ ready()                          │
//       │                                     │ ◄── sleep(), call(), set() ... ──┤
//       │        in the journal: compared ─── │ ──► the same ids as last time    │
//       │ ◄── new: a command ──────────────── │                                  │
//       ├── notifications, acks ────────────► │ wait(): ready, or not yet        │
//       │ ◄── Output, End │ Suspension │ Error│  over()                          │
//
//     the n-th command of every attempt is the same one          or the attempt ends: 570
//     completions are numbered from 1, awakeables from 17, in the order of the commands
//     what is heard is numbered; "who was first" is always answered by that number,
//       so it has the same answer in every attempt
//
// A cancel is one thing heard among others: it ends the first wait whose own answer was
// not heard before it, and each cancel ends one wait.
//
// After over() every command is ignored; what they answer then means nothing.
//
// Protocol: versions 5 to 7, engine/wire/service_protocol.h.
// Life: one an attempt.  Read next: attempt.h, who moves the bytes.
// Tests: tests/sdk/replay/*.txt.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/wire/service_protocol.h"

namespace perdure::sdk {

// Codes of our own in an ErrorMessage.
inline constexpr std::uint32_t journal_mismatch = 570;
inline constexpr std::uint32_t protocol_violation = 571;

using CompletionId = std::uint32_t;
using MaybeBytes = std::optional<std::string>;

struct CallRequest {
  std::string service, handler, key;
  std::string parameter;
  std::vector<wire::KeyValue> headers;
  std::optional<std::string> idempotency_key;
};

class Replay {
 public:
  explicit Replay(std::uint32_t version, std::uint32_t message_bytes_max = 64u << 20);

  // --- from the server ---

  void received(std::string_view bytes);  // cut anywhere
  void closed();                          // the request's body ended: suspend, rather than wait
  // Start, and the whole journal that it announced, are here.
  bool ready() const { return started_ && entries_read_ == start_.known_entries && input_; }

  const wire::StartMessage& start() const { return start_; }
  const wire::InputCommand& input() const { return *input_; }
  bool replaying() const { return !journal_.empty(); }
  // All that was replayed, as frames in stored order; for those who compare attempts.
  std::string_view replayed_frames() const { return replayed_frames_; }

  // --- the handler's commands ---

  std::variant<MaybeBytes, CompletionId> get(std::string_view key);
  std::variant<std::vector<std::string>, CompletionId> state_keys();
  void set(std::string_view key, std::string_view value);
  void clear(std::string_view key);
  void clear_all();

  CompletionId sleep(WallTime wake_up, std::string_view name);

  struct Called {
    CompletionId invocation_id, result;
  };
  Called call(const CallRequest&);
  // `at` absent: now.
  CompletionId send(const CallRequest&, std::optional<WallTime> at);

  CompletionId run(std::string_view name);
  // Its result is not known, so the closure is to be executed.
  bool run_is_due(CompletionId) const;
  void ran(CompletionId, std::variant<std::string, wire::Failure> result);

  std::uint32_t awakeable();  // the signal's number; no command
  std::string awakeable_id(std::uint32_t signal) const;
  using Answer = std::variant<std::string, wire::Failure>;
  void complete_awakeable(std::string_view id, const Answer&);
  void send_signal(std::string_view invocation, std::string_view name, const Answer&);
  void cancel(std::string_view invocation);

  CompletionId promise(std::string_view key);
  CompletionId peek_promise(std::string_view key);
  CompletionId complete_promise(std::string_view key, const Answer&);

  using Attachable = std::variant<std::string, wire::WorkflowTarget>;  // inv_1…, or by name
  CompletionId attach(const Attachable&);
  CompletionId output_of(const Attachable&);

  // The handler's answer, and the end.
  void end(const Answer&);
  // The attempt failed, the invocation did not: the server tries again.
  void fail_attempt(std::uint32_t code, std::string message,
                    std::optional<std::chrono::milliseconds> next_retry = {});

  // --- waiting ---

  struct Outcome {
    std::uint64_t heard;  // its number among all that was heard
    bool succeeded;
  };
  std::optional<Outcome> outcome(const wire::Future&) const;
  // Of something that has an outcome; of leaves only.
  const wire::NotificationResult& result(const wire::Future& leaf) const;

  enum class Wait { ready, cancelled, not_yet, over };
  // What a wait for `tree` comes to now.  `over` when it had to suspend, or was a mismatch.
  Wait wait(const wire::Future& tree);
  // The same, deaf to cancels.
  Wait wait_in_any_case(const wire::Future& tree);
  // Number of the cancel that the last `cancelled` was.
  std::uint64_t last_cancel() const { return last_cancel_; }

  // --- to the server ---

  bool over() const { return over_; }
  // What the journal has and what the handler gave instead; "" when they agree.
  const std::string& mismatch_found() const { return mismatch_; }
  bool has_bytes() const { return !unsent_.empty(); }
  std::string take() { return std::exchange(unsent_, {}); }

 private:
  struct Stored {
    wire::MessageType type;
    std::string payload;
  };
  struct Heard {
    std::uint64_t number = 0;
    wire::NotificationResult result;
  };

  void hear(const wire::FrameView&);
  void hear_notification(std::string_view payload);
  void violated(std::string_view what);
  void mismatch(std::string_view ours, wire::MessageType our_type);
  void suspend(const wire::Future& tree);
  void put_error(wire::ErrorMessage);
  // The next command: met again, or new.  `adopt` copies what may differ between the two.
  template <class T, class Adopt>
  void step(wire::MessageType, T ours, Adopt adopt);
  template <class T>
  void step(wire::MessageType, T ours);
  const Heard* find(std::uint32_t completion) const;
  void leaves(const wire::Future& tree, wire::SuspensionMessage& unresolved) const;
  std::optional<Outcome> combined(const wire::Future&, std::vector<std::optional<Outcome>>) const;
  CompletionId next_completion() { return next_completion_++; }

  const std::uint32_t version_;
  const std::uint32_t message_bytes_max_;
  std::string received_, unsent_, replayed_frames_;
  bool started_ = false, closed_ = false, over_ = false;
  std::string mismatch_;
  wire::StartMessage start_;
  std::optional<wire::InputCommand> input_;
  std::uint32_t entries_read_ = 0;
  std::deque<Stored> journal_;      // commands not met again yet
  std::uint32_t commands_met_ = 0;  // so this is the index of the next one
  CompletionId next_completion_ = 1;
  std::uint32_t next_signal_ = wire::first_awakeable_signal;

  std::uint64_t heard_ = 0;
  std::map<CompletionId, Heard> completions_;
  std::map<std::uint32_t, Heard> signals_;
  std::map<std::string, Heard, std::less<>> named_signals_;
  std::deque<std::uint64_t> cancels_;  // heard, and not told to the handler
  std::uint64_t last_cancel_ = 0;
  std::map<CompletionId, wire::NotificationResult> unacknowledged_runs_;  // version 7

  std::map<std::string, MaybeBytes, std::less<>> state_;  // known; nothing: known to be absent
  bool state_is_partial_ = true;
};

}  // namespace perdure::sdk
