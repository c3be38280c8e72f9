// engine/invoker/retry.h
//
// When the next attempt begins, and whether there is one.
//
//     failures      1      2      3      4      5  …      max_attempts
//     delay       500ms    1s     2s     4s     8s …  ≤ max_interval    then pause or fail
//
// Every new command of the handler is progress and sets both back: a handler of a thousand
// steps has its attempts for each step, as in the reference server.  It counts when it is
// proposed: the attempt that said it may fail before it is stored, and that failure is
// the first of the next step.  Like there it is kept in memory only: a new leader begins
// to count afresh.
//
// Precedence: what the handler said (pause, fail), then the policy.  A delay that the
// handler or its gateway asked for replaces only the next one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>

#include "engine/base/time.h"
#include "engine/invoker/failure.h"
#include "engine/wire/schema.h"

namespace perdure::invoker {

struct RetryAfter {
  std::chrono::milliseconds delay;
};
struct PauseNow {};
struct FailNow {};
using RetryDecision = std::variant<RetryAfter, PauseNow, FailNow>;

class RetryState {
 public:
  explicit RetryState(Instant now) : last_stored_(now) {}

  RetryDecision failed(const AttemptFailure&, const wire::EffectiveOptions&);
  void progressed();         // a new command of the handler's was proposed
  void stored(Instant now);  // the journal grew, by whatever

  // What the handler is told in StartMessage.
  std::uint32_t failures() const { return failures_; }
  std::chrono::milliseconds since_stored(Instant now) const;

 private:
  std::uint32_t failures_ = 0;  // counted ones since the last new command
  std::uint32_t delays_ = 0;    // all of them
  Instant last_stored_;
};

}  // namespace perdure::invoker
