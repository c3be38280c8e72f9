// engine/log/sequencer.h
//
// The Sequencer is the only writer of an open loglet.  It gives each record the next
// offset, sends it to the copyset, and moves `committed` when a write quorum holds it.
//
//     offset     1     2     3     4     5     6
//              [ a  |  b  |  c  |  d  ]
//                            ^           ^
//                        committed      next            n1 holds ..4, n2 ..3, n3 nothing
//
//     committed < next                          the log grows at the right only
//     next - 1 - committed <= window_records    or submit() says retry_later,
//     bytes in flight <= window_bytes           one record alone is always taken
//     every offset <= committed is on a write quorum         the whole point
//
// The copyset is sticky: the same nodes get every record, in order, and each says up to
// where it holds them; so `committed` is arithmetic over a handful of offsets, and never
// skips one.  A node that comes into the copyset is first sent all that is in flight, in
// order: a hole on any node lies at or below a committed offset, or find-tail could not
// believe what a node says of itself (find_tail.h).
//
// Stores are pipelined: a node is sent what is new before it has answered for what it was
// sent, in order, and says contiguously up to where it holds it.  When something on the way
// was lost it is sent everything again from there: rewind().
//
// Once any node says "sealed", somebody is ending this loglet behind our back.  What was
// in flight is then neither committed nor lost; only the sealer, who asks a quorum, will
// know.  We say so (Outcome::unknown) and never guess.
//
// Paper: Balakrishnan et al., "Virtual Consensus in Delos", OSDI 2020, for loglet, chain
// and seal.  The word sequencer is CORFU's (NSDI 2012).
//
// Life: made by engine/log/log.h when this node extends a chain; one per loglet; dies with
// the incarnation.  It holds no durable state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/log/quorum.h"
#include "engine/wal/ring.h"

namespace perdure::log {

enum class Outcome { committed, unknown };

struct Store {  // "please hold these records"; the host sends them to `to`, in order
  NodeId to;
  Offset first, last;
};

struct Settled {  // what became of submitted records
  Offset first, last;
  Outcome outcome;
};

struct SequencerEffects {
  std::vector<Store> store;      // at most one for each node: all that it lacks
  std::vector<Settled> settled;  // in offset order
};

struct SequencerOptions {
  LogletId loglet;
  std::vector<Member> nodeset;  // in order of preference: copysets are taken from the front
  Replication replication;
  std::uint32_t window_records = 0;  // in flight, at most
  std::uint64_t window_bytes = 0;
};

class Sequencer {
 public:
  Sequencer(SequencerOptions options, Offset first);

  // Errors: retry_later when the window is full, fenced once sealed.
  Result<Offset> submit(std::string record);
  // `by` holds durably all that it was sent, up to `last`.  Repeats and strangers are harmless.
  void stored(NodeId by, Offset last);
  void sealed(NodeId by);
  // The connection to it ended: what it has not said to hold must be sent again.
  void lost(NodeId node);
  // And is there again.
  void found(NodeId node);
  // It missed something: what it has not said to hold is sent again, in order.
  void rewind(NodeId node);
  // A spare takes the place of `slow` in the copyset; false when none can.
  bool hedge(NodeId slow);

  // Until the next call.  Empty vectors when there is nothing to do.
  const SequencerEffects& take_effects();
  // The same, but of the stores only those to that node; the others wait.
  const SequencerEffects& take_effects_of(NodeId node);
  // One that is in flight.
  std::string_view record(Offset at) const;

  Offset committed() const { return committed_; }
  Offset next() const { return next_; }
  bool is_sealed() const { return sealed_; }
  Nodes copyset() const;
  bool owes(NodeId node) const;  // it was not sent yet what it is to hold
  // It was sent records that it has not answered for.
  bool awaits(NodeId node) const;
  Offset stored_by(NodeId node) const;
  // Could a write quorum answer?  Without one nothing is committed until nodes are found.
  bool can_commit() const;
  void check_invariants() const;

 private:
  struct Peer {
    NodeId node;
    bool in_copyset = false;
    bool reachable = true;
    Offset next_to_send;
    Offset sent;    // the last that ever was: it cannot hold more
    Offset stored;  // holds (what was committed when it joined, stored]
  };

  Peer* find(NodeId node);
  const Peer* find(NodeId node) const;
  void join(Peer& peer);
  void gather(Peer& peer);
  Offset next_for(const Peer& peer) const;
  const SequencerEffects& hand_over();
  void advance();
  void settle(Offset last, Outcome outcome);

  const SequencerOptions options_;
  std::vector<Peer> peers_;  // as in the nodeset
  Offset committed_;
  Offset next_;
  bool sealed_ = false;
  wal::Ring<std::string> in_flight_;  // offsets (committed_, next_), in order
  std::uint64_t in_flight_bytes_ = 0;
  SequencerEffects gathering_, taken_;
};

}  // namespace perdure::log
