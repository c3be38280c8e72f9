// sdk/attempt.h
//
// One attempt at a handler: moves the bytes between its exchange and its Replay, and parks
// the handler while there is nothing to answer it with.  What a handler's author sees is
// context.h; this is what stands behind it.
//
//     handler ──► context ──► Attempt ──► Replay          decisions
//                                │
//                                └──► io::Exchange        bytes
//
// The handler runs on a fiber of its own, with a large stack.  When its attempt is over
// although it has not ended (suspended, cut off, a mismatch) AttemptOver unwinds it; that
// is no std::exception, so that no catch of the handler takes it for an error.
//
// What was decided leaves before a wait, and before a run's closure that comes after other
// commands; all that came together is one piece, which the server stores as one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/trace.h"
#include "sdk/errors.h"
#include "sdk/replay.h"
#include "sdk/surroundings.h"

namespace perdure::sdk {

struct AttemptOver {};

class Attempt {
 public:
  Attempt(const Surroundings& around, io::Exchange& exchange, std::uint32_t version);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Reads Start and journal, lets `handler` answer, ends.  Parks; on the handler's fiber.
  void run(const std::function<std::string(Attempt&)>& handler);

  // --- for contexts and futures: each throws AttemptOver once the attempt is over ---

  // For commands.
  Replay& replay();
  const wire::StartMessage& start() const { return replay_.start(); }
  const wire::InputCommand& input() const { return replay_.input(); }
  WallTime wall() const;

  // Parks until it has an outcome.  Throws Cancelled when a cancel came first; calls that
  // were waited for by nobody else are then cancelled too.
  Replay::Outcome await(const wire::Future& tree);
  // Of a leaf that has an outcome.  Throws its TerminalError; nothing for a void.
  MaybeBytes take(const wire::Future& leaf);

  // A call, to be cancelled with us.
  void calls(Replay::Called call) { open_calls_.push_back(call); }
  std::string invocation_id_of(CompletionId completion);

  // Runs the closure unless its result is known, and waits for that.
  struct RunPolicy {
    std::optional<std::uint32_t> attempts_max;
    std::chrono::milliseconds delay{50};
    double delay_factor = 2;
    std::chrono::milliseconds delay_max{10'000};
    std::optional<std::chrono::milliseconds> duration_max;
    bool retries_itself = false;  // false: the server's policy for the handler
    bool blocks = false;
  };
  std::string run_once(std::string_view name, const RunPolicy& policy,
                       const std::function<std::string()>& closure);

 private:
  bool read_journal();
  void answer(const std::function<std::string(Attempt&)>& handler);
  struct Run {
    CompletionId id;
    std::string_view name;
    bool met_again;  // so the server's count of retries is of this one
  };
  void execute(const Run& run, const RunPolicy& policy,
               const std::function<std::string()>& closure);
  std::string call_closure(const RunPolicy& policy, const std::function<std::string()>& closure);
  void closure_failed(const Run& run, const RunPolicy& policy, const std::string& why);
  [[noreturn]] void retry(const std::string& why, std::optional<std::chrono::milliseconds> after);
  Replay::Wait progress(const wire::Future& tree, bool in_any_case);
  void cancel_open_calls();
  void receive();
  void flush();
  void finish();
  [[noreturn]] void broke(std::string_view why);

  const Surroundings& around_;
  io::Exchange& exchange_;
  Replay replay_;
  bool broken_ = false;  // nobody hears us any more
  bool ended_ = false;   // the handler gave its answer
  std::vector<Replay::Called> open_calls_;
};

}  // namespace perdure::sdk
