// sim/workload/operator.h
//
// Somebody who changes the cluster while it works and things go wrong: by the requests that
// `perdure cluster` sends, to any node, each as often as it takes.
//
//     a leader is moved, or pinned          frozen for a while
//     drained, and then active again        drained, removed; its machine gets a new disk
//     one copy more of everything for a while
//
// What was changed for a while is put back at the end.  A node is removed only where the budget
// says that a disk may be lost: what it had kept may not be copied yet.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace perdure::sim {

struct OperatorOptions {
  std::vector<std::string> nodes;
  std::uint32_t copies = 1, zones = 1;     // the replication that it began with
  Duration gap = std::chrono::seconds(4);  // at most, between two acts
  bool removes = true;
};

class Operator {
 public:
  Operator(Experiment& experiment, OperatorOptions options)
      : experiment_(experiment), options_(std::move(options)) {}

  void start();
  void finish() { over_ = true; }  // nothing new is begun
  bool finished() const { return finished_; }

 private:
  class Shift;
  bool may_lose_disk(const std::string& node);  // if so, it is counted as lost
  void replace_disk(const std::string& node);

  Experiment& experiment_;
  const OperatorOptions options_;
  bool over_ = false, finished_ = true;
};

}  // namespace perdure::sim
