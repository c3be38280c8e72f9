// engine/log/replicator.h
//
// Carries a sequencer's stores to other nodes, and what they say back to it.
//
//     Sequencer ── store 7..9 for n2 ──► frames ──► n2         at the end of the turn, so
//         ▲                                          │         that what a turn appends
//         └── stored, sealed, rewind, hedge ◄── stored, silence      goes in one frame
//
// What may go wrong with one node, and what is done:
//
//     it is slow (p99, twice)         a spare takes its place: hedge
//     it is silent (longer still)     all that it owes an answer for is sent again
//     it says gap                     the same, at once; not twice in a row
//     it says busy, or its queue is full   the same, after a pause
//     it says broken, or is lost      a spare at once; tried again after a pause
//     it says sealed                  somebody ends this loglet: the log is told
//
// When nothing is committed for `stall_timeout` though something is to be, the log is told
// too: its owner opens it anew, among nodes that are there.
//
// One fiber; who makes one stops it.  Not here: the copy of this node, which goes straight
// into the Wal (log.h).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/chain.h"
#include "engine/log/patience.h"
#include "engine/log/sequencer.h"
#include "engine/log/server.h"

namespace perdure::log {

// The log to which it belongs.
class Replicated {
 public:
  virtual ~Replicated() = default;
  virtual void pay_effects() = 0;  // the sequencer may have some
  virtual void end(const Error& why) = 0;
};

class Replicator final : private StoreAnswers {
 public:
  struct Parts {
    Replicated& log;
    Sequencer& sequencer;
    Loglet loglet;
    NodeId self;
    Servers& servers;
    Server& server;
    io::Fibers& fibers;
    io::Trace& trace;
    Duration stall_timeout;
  };
  explicit Replicator(Parts parts);
  ~Replicator() override;

  void start();
  void stop();  // parks
  void work();  // there may be something to send, or to tell
  void send(const Store& store);

 private:
  struct Sent {
    Offset last;
    Instant at;
  };
  struct Link {
    NodeId node;
    std::uint64_t round = 1;
    std::deque<Sent> unanswered;  // by offset
    Instant hedge_at = io::never, resend_at = io::never, find_at = io::never;
    Offset told_committed;
    bool gap_in_a_row = false;
    Patience patience;
  };

  void stored(NodeId by, const Stored& stored) override;
  void lost(NodeId node) override;
  void found(NodeId node) override;

  void run();
  bool something_to_do(Instant now) const;
  Instant next_deadline() const;
  void keep_time(Instant now);
  void keep_time(Link& link, Instant now);
  void tell_committed(Instant now);
  Result<void> send_frames(Link& link, const Store& store);
  void answered(Link& link, Offset durable);
  void begin_again(Link& link);
  void lose(Link& link);
  Link* find(NodeId node);
  StoreHead head(const Link& link, Offset first) const;

  Parts parts_;
  std::vector<Link> links_;  // to all nodes of the nodeset but this one
  io::Event work_;
  bool wanted_ = false, stopping_ = false, was_in_flight_ = false;
  Offset committed_before_;
  Instant progress_at_, told_at_;
  io::Group group_;
};

}  // namespace perdure::log
