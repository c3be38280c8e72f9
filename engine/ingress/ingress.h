// engine/ingress/ingress.h
//
// HTTP in, an invocation out, its answer back.  One fiber per request; this is its
// whole life, and request.cpp has it in this order:
//
//   1. read the path        POST /Greeter/greet         which service, key, handler
//   2. find the schema      is there such a handler, and may it be called from here?
//   3. name the invocation  from the idempotency key if given, else from a drawn one
//   4. submit               park until its record is committed and applied
//   5. await                park until the processor answers; /send skips this
//   6. answer               status, headers, body
//
// Step 4 may be repeated after a lost reply: the name from step 3 is what makes that
// harmless.  After step 4 the invocation lives on without this fiber: a client that
// goes away (our fiber is cancelled) stops the waiting and nothing else.
//
// In      requests of clients, as io::Exchange
// Out     records for partitions (wire::Record with an Invoke or a Signal); answers
// Not     routing to leaders (needs: Partitions), where schemas come from (Schemas)
// Read    request.cpp, then route.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/io/http.h"
#include "engine/io/world.h"
#include "engine/wire/ids.h"
#include "engine/wire/invocation.h"
#include "engine/wire/schema.h"

namespace perdure::ingress {

// How an invocation ended, as its partition stores it.
struct Answer {
  wire::Outcome outcome;            // never monostate
  std::optional<WallTime> expires;  // until when the result is kept; absent: it is not
  std::string service, handler;     // whose result; needed of await() and output() only
};

enum class Wait {
  applied,            // until the record took effect
  answered,           // until the invocation has ended, whoever began it
  answered_if_fresh,  // the same, but only when this record began it
};

struct Submission {
  std::uint64_t partition_key = 0;
  std::string record;  // an encoded wire::Record without its stamp; never changes
  Wait wait = Wait::applied;
  std::optional<wire::InvocationId> invocation;  // whose end `wait` means; set for Invoke
};

struct Admitted {
  // This record began the invocation, now or when an earlier submission of the same
  // bytes was applied (its random_seed is that of the invocation).  Not for signals.
  bool fresh = true;
  // Absent when not asked for, or when the leader went away or the deadline came after
  // the record took effect: ask for it by await().
  std::optional<Answer> answer;
  // Set: nothing was done, since the time in the request's id is too far from this one, by
  // which its partition goes.  An id of that time would do.
  std::optional<WallTime> refused_at = {};
};

// What this room needs of the partitions, in its own words.
class Partitions {
 public:
  virtual ~Partitions() = default;
  // Parks until the record is committed and applied.  A record may be submitted any
  // number of times.  Errors: retry_later, retry_elsewhere: not in the log;
  // timed_out, failed: perhaps in the log; cancelled; invalid (too large).
  virtual Result<Admitted> submit(const Submission&, Instant deadline) = 0;
  // Parks until it has ended.  Errors: not_found; timed_out; retry_*, failed: ask again.
  virtual Result<Answer> await(const wire::InvocationId&, Instant deadline) = 0;
  // How it ended, if it has.  Errors: not_found; conflict: it has not ended; and as above.
  virtual Result<Answer> output(const wire::InvocationId&, Instant deadline) = 0;
};

// What may be called.  The reference is good until the caller parks.
class Schemas {
 public:
  virtual ~Schemas() = default;
  virtual const wire::Schema& current() const = 0;
};

struct Options {
  std::size_t body_bytes_max = 32 * 1024 * 1024;
  std::size_t requests_max = 50'000;  // at once on this shard; more are answered 429
  // From the first submission to the last.  Below half the window in which partitions
  // remember the ids of signals (amendment 8), so that no late retry counts twice.
  Duration give_up_after = std::chrono::minutes(1);
  // The same when there is no room for it: that rarely passes while somebody waits.
  Duration give_up_when_full = std::chrono::seconds(5);
  Duration try_for = std::chrono::seconds(10);           // one submission
  Duration retry_pause = std::chrono::milliseconds(50);  // doubles up to retry_pause_max
  Duration retry_pause_max = std::chrono::milliseconds(250);
  Duration ask_again_after = std::chrono::minutes(1);   // one await()
  Duration body_silence_max = std::chrono::minutes(1);  // between two pieces of a body
  wire::EffectiveOptions handler_defaults;              // the server's own settings
};

// All are borrowed, and outlive the Ingress.
struct Needs {
  io::Clock& clock;
  io::Fibers& fibers;
  io::Random& random;
  io::Trace& trace;
  Partitions& partitions;
  Schemas& schemas;
};

class Ingress {
 public:
  Ingress(Needs needs, Options options) : needs_(needs), options_(std::move(options)) {}

  // One request, from its head to its answer.  Runs in the fiber of the exchange.
  void serve(io::Exchange&);

  std::size_t requests() const { return requests_; }  // being served now

 private:
  Needs needs_;
  const Options options_;
  std::size_t requests_ = 0;
};

}  // namespace perdure::ingress
