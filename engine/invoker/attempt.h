// engine/invoker/attempt.h
//
// One attempt at a handler, as a journey: read the journal, open the stream, converse,
// conclude.  attempt.cpp reads in that order.  Decisions are elsewhere: Conversation,
// Patience, RetryState.
//
//     run()      in a fiber of its own; reads what the handler says
//     pump       a second fiber while there is something to write, so that neither
//                direction waits for the other
//
// Its effects count as long as it stands in its Live: supersede() takes that away at
// once, and the fibers unwind behind it.  What it proposed before is still on its way,
// and is counted there (Live::outstanding): no successor begins before all is back.
//
// After run() said how it ended, a stream that had its last message is given a few
// seconds to end well (leave()); one that failed is reset.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/invoker/conversation.h"
#include "engine/invoker/live.h"
#include "engine/invoker/needs.h"
#include "engine/invoker/options.h"
#include "engine/invoker/patience.h"
#include "engine/invoker/request.h"
#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/world.h"

namespace perdure::invoker {

// What all attempts of a shard share.
struct Shared {
  io::World& world;
  const Options& options;
  Journal& journal;
  Schemas& schemas;
  std::uint64_t bytes_held = 0;  // by all of them
};

struct Ended {};      // End, Pause or Fail is proposed: no more attempts
struct Suspended {};  // Suspend is proposed: apply decides
struct RetryAt {
  Instant at;
};
struct GivenUp {};     // this node leads no longer, or the invocation is gone
struct Superseded {};  // somebody took its Live away: there is nothing to conclude
using AttemptEnd = std::variant<Ended, Suspended, RetryAt, GivenUp, Superseded>;

class Attempt {
 public:
  Attempt(Shared&, Live&);  // in the fiber that will run it
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  AttemptEnd run();  // afterwards it has no Live
  void leave();      // parks; the last call

  // --- from other fibers; none parks ---
  void stored(std::uint32_t index, std::string_view frames);
  void supersede();
  // Asks the handler to suspend if it was silent since `before`.  False: not this one.
  bool suspend_if_idle(Instant before);

 private:
  ConversationEnd journey();  // meaningless once superseded, as are those it calls
  std::optional<AttemptFailure> prepare(Replay&, OutgoingRequest&);
  std::string opening_message(Replay&) const;
  std::optional<AttemptFailure> open(OutgoingRequest);
  ConversationEnd converse();
  AttemptEnd conclude(ConversationEnd);
  AttemptEnd conclude_failure(const AttemptFailure&);
  bool propose(std::vector<wire::Command>);

  template <class Ask>
  auto patiently(Ask ask) -> decltype(ask(Instant()));
  AttemptFailure lost(const Error&);
  void interrupt(AttemptFailure);

  void send(std::string bytes);
  void close_request();
  void pump();
  void account();
  Instant now() const;
  bool journaling() const { return live_ && live_->outstanding > 0; }

  Shared& shared_;
  Live* live_;  // null: superseded
  const wire::InvocationId id_;
  const io::FiberId fiber_;
  io::Group pumps_;

  // Known once the journal is read.
  std::uint32_t version_ = 0;
  wire::ProtocolMode mode_ = wire::ProtocolMode::bidi_stream;
  wire::EffectiveOptions handler_options_;
  std::optional<Conversation> conversation_;
  std::optional<Patience> patience_;
  struct Early {
    std::uint32_t index;
    std::string frames;
  };
  std::vector<Early> early_;  // stored before the conversation began

  std::unique_ptr<io::HttpCall> call_;
  std::string outgoing_;
  std::uint64_t writing_bytes_ = 0;
  bool pumping_ = false;
  bool close_wanted_ = false, closed_ = false;  // the request's body
  bool answer_ended_ = false;
  bool ended_well_ = false;  // with a last message that is no Error
  bool lost_leadership_ = false;
  std::optional<AttemptFailure> interrupted_;
  std::uint64_t accounted_ = 0;
};

}  // namespace perdure::invoker
