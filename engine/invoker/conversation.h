// engine/invoker/conversation.h
//
// One attempt at a handler, as a value: what either side may say next, and what it
// means.  Bytes and stored entries go in, effects come out; nothing parks, nothing is
// sent from here.
//
//     handler                          conversation                      journal
//        │ ◄──── Start, journal ────────────┤  opening()
//        ├──── command, command ───────────►│ ─── propose one record ───────► │
//        ├──── run completion, end ────────►│ ─── propose one record ───────► │
//        │ ◄──── ack, notification ─────────┤ ◄── stored(what was appended) ──┤
//        ├──── End │ Suspension │ Error ───►│  over
//
//     index of stored() <= entries known             no gap: the handler hears everything
//     the n-th command stored is the n-th one sent   only one attempt proposes at a time
//     nothing is proposed after the terminal message
//
// Messages that came in one piece are one record, applied all or none, so an Output and
// its End, or a Call and the Suspension after it, cost one commit.  The first record of
// an invocation begins with its Pin.
//
// Protocol: docs of versions 5 to 7 in engine/wire/service_protocol.h.  Surprises:
// version 7 acknowledges a run's result by a short message where versions 5 and 6, and
// an unasked 7, get the whole notification back; an End needs an Output before it.
//
// Life: one an attempt; after over() it ignores what still comes.
// Tests: tests/engine/invoker/conversation/*.txt.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/invoker/callee.h"
#include "engine/invoker/failure.h"
#include "engine/invoker/frame_reader.h"
#include "engine/wire/command.h"

namespace perdure::invoker {

// How the handler's side of it ended.
struct HandlerDone {};
struct HandlerSuspended {};
using ConversationEnd = std::variant<HandlerDone, HandlerSuspended, AttemptFailure>;

// What the attempt must do now, in this order.
struct ConversationEffects {
  std::vector<wire::Command> propose;  // one record, in this order
  std::string send;                    // frames for the handler
  std::optional<ConversationEnd> end;
};

struct ConversationSetup {
  wire::InvocationId id;
  wire::Target target;
  std::uint32_t version = 6;
  bool listens = true;           // false: the request's body ends with the journal
  std::optional<wire::Pin> pin;  // due before the first entry; absent: stored already
  std::uint32_t payload_max = 32u << 20;
};

class Conversation {
 public:
  explicit Conversation(ConversationSetup);

  // Learns the journal that is replayed: `frames` are what `entries` counts.  The frames
  // come from our own tables; `corrupt` when they are not that many.
  Result<void> opening(std::string_view frames, std::uint32_t entries);

  // Bytes of the handler, cut anywhere.
  ConversationEffects received(std::string bytes, const Surroundings&);
  // Its stream ended.
  ConversationEffects closed();
  // What was appended to the journal, from entry number `index` on: commands and
  // notifications alike, as frames.  What is known already is skipped; `conflict` when
  // there is a gap, and this attempt knows too little to go on.
  Result<std::string> stored(std::uint32_t index, std::string_view frames);
  // The request's body has ended: the handler hears nothing any more.
  void stop_listening() { setup_.listens = false; }

  bool over() const { return over_; }
  std::size_t bytes_held() const { return reader_.bytes_held(); }
  // Commands sent that are not stored yet.
  std::size_t commands_pending() const { return acks_wanted_.size(); }

 private:
  std::optional<AttemptFailure> hear(const wire::FrameView&, const Surroundings&);
  std::optional<AttemptFailure> hear_command(const wire::FrameView&, const Surroundings&);
  std::optional<AttemptFailure> hear_run_completion(const wire::FrameView&);
  std::optional<AttemptFailure> hear_suspension(const wire::FrameView&);
  std::optional<AttemptFailure> hear_end();
  std::optional<AttemptFailure> hear_error(const wire::FrameView&);
  void propose(auto command);
  void learn(const wire::FrameView& stored);
  void tell(const wire::FrameView& stored, std::string& out);
  ConversationEffects take();

  ConversationSetup setup_;
  FrameReader reader_;
  std::uint32_t entries_ = 0;          // of the journal, that the handler knows of
  std::uint32_t commands_stored_ = 0;  // so this is the index of the next one
  bool has_output_ = false;
  bool over_ = false;
  std::deque<bool> acks_wanted_;       // of commands sent, oldest first
  std::set<std::uint32_t> open_runs_;  // begun, and no result proposed or stored
  std::set<std::uint32_t> run_acks_;   // results to be acknowledged in short
  IntervalSet settled_runs_;
  ConversationEffects effects_;
};

}  // namespace perdure::invoker
