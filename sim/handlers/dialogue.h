// sim/handlers/dialogue.h
//
// The handler's side of one attempt: the service protocol (versions 5 to 7) as calls
// that read like an SDK's context.
//
//     begin() ──► Start and the journal are read
//     get, set, run, sleep, call ...   replayed while the journal lasts, then live
//     output() ──► Output, End         or a failure
//
// A call that fails with `cancelled` means that this attempt is over (suspended, broken
// off, crashed on purpose): the handler returns, and says nothing more.  A call that
// fails with `conflict` is an answer that the handler may pass on: the invocation was
// cancelled, or the callee failed.
//
// Mischief is drawn at every live step: be slow, vanish, report an error, suspend
// although one could wait, say nonsense.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/http.h"
#include "engine/io/world.h"
#include "engine/wire/invocation.h"
#include "engine/wire/service_protocol.h"
#include "sim/handlers/watch.h"

namespace perdure::sim {

// Chances per live step of a handler.
struct Mischief {
  double vanish = 0;    // the stream breaks
  double error = 0;     // an ErrorMessage: retry me
  double nonsense = 0;  // a message that nobody may send
  double slow = 0;      // a pause of up to slow_most
  double suspend = 0;   // suspends where it could wait
  Duration slow_most = std::chrono::seconds(2);
};

class Dialogue {
 public:
  // Its runs' names end in `release`.
  Dialogue(io::World world, io::Exchange& exchange, const Mischief& mischief, HandlerWatch& watch,
           std::string_view release = "");

  Result<void> begin();
  const wire::StartMessage& start() const { return start_; }
  const std::string& input() const { return input_; }
  std::string header(std::string_view name) const;  // empty: none

  Result<std::optional<std::string>> get(std::string_view key);
  Result<void> set(std::string_view key, std::string_view value);
  Result<void> clear(std::string_view key);
  // Of "!..." it becomes a failure.
  Result<std::string> run(std::string_view name, const std::function<std::string()>& closure);
  std::string drawn();  // another text each time: for runs to return
  Result<void> sleep(Duration);
  Result<std::string> call(std::string_view service, std::string_view handler, std::string_view key,
                           std::string_view parameter);
  Result<void> send(std::string_view service, std::string_view handler, std::string_view key,
                    std::string_view parameter);
  Result<void> send_later(std::string_view service, std::string_view handler, std::string_view key,
                          std::string_view parameter, Duration delay);
  // What came of an invocation, by its id or (of an unkeyed handler) by its idempotency key;
  // only_if_ready: empty when it has not ended.
  struct Named {
    std::string invocation, service, handler, idempotency_key;
  };
  Result<std::string> attach(const Named&, bool only_if_ready);
  Result<void> cancel(std::string_view invocation);
  struct Awakeable {
    std::string id;
    std::uint32_t signal;
  };
  Awakeable awakeable();
  Result<std::string> await(const Awakeable&);
  Result<void> complete_awakeable(std::string_view id, wire::Outcome result);
  Result<void> clear_all();
  Result<std::vector<std::string>> keys();
  // Of a workflow.  complete: false when somebody else was first; "!" makes it a failure.
  Result<std::string> promise(std::string_view name);
  Result<std::optional<std::string>> peek_promise(std::string_view name);
  Result<bool> complete_promise(std::string_view name, std::string_view value);
  // Begun now and awaited later.
  struct Awaited {
    std::uint32_t completion;
  };
  Result<Awaited> begin_call(std::string_view service, std::string_view handler,
                             std::string_view key, std::string_view parameter,
                             std::optional<std::string_view> idempotency_key = std::nullopt);
  Result<Awaited> begin_sleep(Duration);
  Result<std::string> await(Awaited);
  Result<void> await_all(std::span<const Awaited>);
  Result<void> await_first(Awaited, const Awakeable&);

  Result<void> output(std::string_view value);
  Result<void> output_failure(std::uint32_t code, std::string_view message);
  // This attempt ends with an error, as one does that may go better the next time.
  std::unexpected<Error> give_up(std::string_view why);

 private:
  struct Replayed {
    wire::MessageType type;
    std::string payload;
  };

  void take_frames();  // of what was received
  Result<void> suspend_until_all(std::vector<std::uint32_t> completions);
  Result<void> receive();  // more bytes; notifications go to completions_ and signals_
  void sort(wire::FrameView frame);
  Result<void> live_step();
  Result<void> flush();
  Result<void> suspend(std::optional<std::uint32_t> completion,
                       std::optional<std::uint32_t> signal);
  std::unexpected<Error> over(std::string why);
  // The next command of the journal, if it is not used up; must be one of these types.
  Result<std::optional<Replayed>> replay(std::string_view what,
                                         std::initializer_list<wire::MessageType> types);
  template <class Message>
  Result<void> emit(wire::MessageType type, const Message& message);
  template <class Message>
  Result<bool> command(std::string_view what, wire::MessageType type, const Message& message);
  Result<wire::NotificationResult> wait_for(std::optional<std::uint32_t> completion,
                                            std::optional<std::uint32_t> signal);
  Result<std::string> value_of(const wire::NotificationResult& result);
  bool chance(double probability);
  bool replaying() const { return !journal_.empty(); }

  io::World world_;
  io::Exchange& exchange_;
  const Mischief& mischief_;
  HandlerWatch& watch_;
  const std::string release_;
  std::uint32_t version_ = 6;
  wire::StartMessage start_;
  std::string input_;
  std::vector<wire::KeyValue> headers_;
  std::string received_, unsent_;
  bool input_ended_ = false, over_ = false;
  std::uint32_t entries_read_ = 0;
  std::string replayed_frames_;
  std::deque<Replayed> journal_;  // commands not yet met again
  std::map<std::uint32_t, wire::NotificationResult> completions_, signals_;
  std::map<std::string, std::string, std::less<>> state_;
  bool state_is_partial_ = true;
  std::map<std::string, bool, std::less<>> cleared_;  // known to be absent
  std::uint32_t next_completion_ = 1;
  std::uint32_t next_signal_ = wire::first_awakeable_signal;
};

}  // namespace perdure::sim
