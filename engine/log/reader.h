// engine/log/reader.h
//
// The log as somebody reads it who does not write it: every record once, in order, from a
// position on, through seals, trims and changes of the chain.
//
//     chain ── watched ────┐
//     tail of the open ────┼──► pump ──► [ ahead | ahead | ahead ] ──► next()
//     loglet ── watched ───┘     │
//                                └── reads from any node that holds it, this one first
//
//     what next() gives            records, in order, without a gap; or Gap{to}: all up to
//                                  there is trimmed, go on from a snapshot
//     never                        a record that is not committed, whatever a copy holds
//
// How far one may read in the open loglet is what its writer says, asked of the writer's
// node first and of the others when it does not answer.  In every other loglet it is what
// the chain says, and nothing else: copies may hold more (find_tail.h).
//
// When the open loglet is sealed and nobody extends the chain, a reader would wait for ever
// at its border (restate #5033).  After `seal_patience` it ends the loglet itself, and says
// so in the chain; whoever wants to write extends it then.
//
// Whatever changes, its watcher stores first and wakes then; the pump looks, and waits only
// when nothing is to be done.  No wake can be lost between the two: they share one thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/chains.h"
#include "engine/log/reach.h"

namespace perdure::log {

struct ReaderOptions {
  std::size_t ahead_bytes = 1 << 20;  // read before they are asked for
  std::size_t read_bytes = 64 << 10;  // in one read, about
  Duration seal_patience = std::chrono::seconds(5);
  Duration long_poll = std::chrono::seconds(10);  // of one question for the tail
};

class Reader {
 public:
  struct Parts {
    PartitionId partition;
    NodeId self;
    LogletStore* here;  // nullptr: this node has no copies
    Servers* servers;   // nullptr: there are no other nodes
    Chains& chains;
    io::Fibers& fibers;
    io::Trace& trace;
  };
  using Record = std::pair<Lsn, std::string>;
  struct Gap {
    Lsn to;  // the last that is gone
  };
  using Batch = std::variant<std::vector<Record>, Gap>;

  Reader(Parts parts, ReaderOptions options, Lsn from);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void start();
  void stop();  // parks
  // One record at least, or a gap.  Parks.  Errors: timed_out, cancelled, corrupt (a
  // committed record is on none of its nodes).
  Result<Batch> next(Instant deadline);
  Lsn cursor() const { return handed_out_; }  // the next record that next() will give
  // The highest that is known to be committed, whether it was read or not.
  Lsn known_committed() const;

 private:
  void pump();
  void watch_chain();
  void watch_tail();
  Result<void> pump_once();
  bool gone_by_now();
  Result<void> fetch(const Loglet& loglet, Offset first, Offset last);
  void take_chain(VersionedChain chain);
  void end_loglet_myself();
  void put_gap(Lsn to);
  const Loglet* open_loglet() const;
  Reach reach() const;

  const Parts parts_;
  const ReaderOptions options_;
  VersionedChain chain_;  // version 0: not read yet
  Offset committed_;      // of the open loglet, as its writer says
  LogletId committed_of_;
  bool sealed_seen_ = false;  // of committed_of_
  Lsn fetched_, handed_out_;  // the next of either
  std::deque<Batch> ahead_;
  std::size_t ahead_bytes_ = 0;
  std::optional<Error> broken_;
  io::Event changed_;  // for the pump and the watcher of the tail
  io::Event ready_;    // for next()
  io::Group group_;
};

}  // namespace perdure::log
