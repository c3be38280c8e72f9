// engine/invoker/patience.h
//
// How long a silent handler is waited for.
//
//     open  ── inactivity without a word ──►  closing  ── abort without a word ──►  gone
//                the request's body ends,                 the attempt fails, RT0001
//                that is: "please suspend"
//
// A word is anything either side says.  While something the handler said is still on
// its way into the journal it is we who are slow: that silence is not the handler's
// (after restate #5374).  A handler that is spoken to in one go (request-response)
// begins in `closing`.
#pragma once

#include <chrono>

#include "engine/base/time.h"

namespace perdure::invoker {

enum class Impatience { wait_on, ask_to_suspend, give_up };

class Patience {
 public:
  struct Limits {
    std::chrono::milliseconds inactivity, abort;
  };
  Patience(Limits limits, bool closing, Instant now)
      : limits_(limits), closing_(closing), last_word_(now) {}

  void word(Instant now) { last_word_ = now; }
  // When expired() must be asked at the latest.
  Instant deadline() const {
    const std::chrono::milliseconds limit = closing_ ? limits_.abort : limits_.inactivity;
    const Duration room = Instant::max() - last_word_;
    return limit >= std::chrono::duration_cast<std::chrono::milliseconds>(room)
               ? Instant::max()
               : last_word_ + limit;
  }
  // `journaling`: something the handler said is not stored yet.
  Impatience expired(Instant now, bool journaling) {
    if (journaling) last_word_ = now;
    if (now < deadline()) return Impatience::wait_on;
    if (closing_) return Impatience::give_up;
    ask_to_suspend(now);
    return Impatience::ask_to_suspend;
  }
  void ask_to_suspend(Instant now) {
    closing_ = true;
    last_word_ = now;
  }
  bool closing() const { return closing_; }
  Instant last_word() const { return last_word_; }

 private:
  Limits limits_;
  bool closing_;
  Instant last_word_;
};

}  // namespace perdure::invoker
