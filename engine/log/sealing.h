// engine/log/sealing.h
//
// The journeys that end a loglet, and those that keep its copies whole; find_tail.h and
// repair.h decide, these ask and carry.
//
//     seal all ──► enough answered? ──► find_tail ─┬─ sealed at M ────────────────► M
//         ▲                                        └─ repair n..M ──► digests ──► copy
//         └───────────── ask again ◄──────────────────────────────────────────────┘
//
// They may be begun again by anybody at any time, and several at once.  M is what to put to
// the chain, and true only once the chain says it.
#pragma once

#include "engine/io/trace.h"
#include "engine/log/chain.h"
#include "engine/log/find_tail.h"
#include "engine/log/reach.h"
#include "engine/log/repair.h"

namespace perdure::log {

// The last offset that the loglet will ever have.  Parks.  Errors: timed_out (its nodes
// could not be asked, or not enough of them), cancelled.
Result<Offset> seal_loglet(const Reach& reach, io::Trace& trace, const Loglet& loglet,
                           Instant deadline);

// What is known of the end of a loglet without touching it: a tail at least that high.
// Errors: timed_out, cancelled.
Result<TailDecision> look_for_tail(const Reach& reach, const Loglet& loglet, Instant deadline);

struct Scrubbed {
  std::uint64_t records = 0;  // looked at
  std::uint64_t copied = 0;   // to one node each
};
// Sees that a write quorum holds each of [first, last], all of which are committed: after a
// disk was lost.  Parks.  Errors: corrupt (a record is on none of its nodes), timed_out,
// cancelled.
Result<Scrubbed> scrub_loglet(const Reach& reach, io::Trace& trace, const Loglet& loglet,
                              Offset first, Offset last, Instant deadline);

}  // namespace perdure::log
