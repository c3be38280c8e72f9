// engine/log/sweeper.h
//
// Takes from this node's disk what no chain names any more.
//
//     chain      [ 7 | 9 | 12: open ]        trim point within 7
//     here         3   7   8   9   12        3 was trimmed away, 8 was replaced: both go;
//                                            7 is trimmed as far as its chain is
//
// Whoever trims or replaces a loglet tells its nodes, a few times.  A node that was away so
// long is told by nobody again, and would keep those records for ever; so each looks for
// itself now and then.  Chains only grow at their end and the numbers of loglets rise: what
// a chain leaves out before its last is never named again.
//
// Not here   why records may go: whoever trims the log knows (log.h).
#pragma once

#include <functional>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/chains.h"
#include "engine/log/log.h"

namespace perdure::log {

struct Sweep {
  LogletId loglet;
  Offset trim_to;      // 0: it goes altogether,
  LogletId successor;  // and this one came after it
  friend bool operator==(const Sweep&, const Sweep&) = default;
};
// Of one log's loglets that are here, by id.
std::vector<Sweep> what_to_sweep(const Chain& chain, const std::vector<wal::LogletState>& here);

class Sweeper {
 public:
  struct Parts {
    std::vector<Place> places;  // the partitions whose copies are here
    Chains& chains;
    io::Fibers& fibers;
    io::Trace& trace;
    Duration every = std::chrono::minutes(1);
  };
  explicit Sweeper(Parts parts) : parts_(std::move(parts)), group_(parts_.fibers) {}

  void start();
  void stop() { group_.stop(); }  // parks
  // Once, now.  Parks.  Errors: those of Chains and Wal; then it is not done yet.
  Result<void> sweep();

 private:
  Result<void> sweep_one(const Place& place, const Chain& chain);

  const Parts parts_;
  io::Group group_;
};

}  // namespace perdure::log
