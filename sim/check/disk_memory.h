// sim/check/disk_memory.h
//
// What a node's stream said of itself when all of it was durable, kept outside of the node;
// whatever its disk and its process went through since, it comes back with that at least.
//
//   log-disk   a loglet that was sealed is sealed, its trim point and its end are no lower,
//              and each offset behind the trim point that was there is there; or it was
//              dropped, and then a later loglet of its log is known
#pragma once

#include <functional>
#include <map>

#include "engine/base/interval_set.h"
#include "engine/wal/wal.h"
#include "sim/world/loop.h"

namespace perdure::sim {

class DiskMemory {
 public:
  using Report = std::function<void(Finding)>;
  explicit DiskMemory(Report report) : report_(std::move(report)) {}

  void seen(NodeId, const wal::Wal&);  // now and then, of one that runs
  void back(NodeId, const wal::Wal&);  // of one that was opened
  void wiped(NodeId node) { nodes_.erase(node); }

 private:
  struct Loglet {
    wal::LogletState state;
    IntervalSet held;
  };
  void check(NodeId, const wal::Wal&, const Loglet&);
  void fail(NodeId, const Loglet&, std::string detail);

  const Report report_;
  std::map<NodeId, std::map<LogletId, Loglet>> nodes_;
};

}  // namespace perdure::sim
