// sim/cluster/fleet.h
//
// The servers of one simulated cluster, and what is seen of them from outside of all.
//
//     formed    every host's server is an active node, a voter of the metadata group, and
//               every partition has its replicas and somebody who leads it
//     at rest   formed, and what one replica of a partition has applied, all have
//
// Between events only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/node/options.h"
#include "sim/check/raft_history.h"
#include "sim/check/replicas.h"
#include "sim/scenario.h"
#include "sim/world/host.h"

namespace perdure::sim {

struct FleetShape {
  std::uint32_t nodes = 3;
  std::uint32_t copies = 2;           // of the log, and of partitions
  std::uint32_t zones = 1;            // that those span
  std::vector<std::uint32_t> shards;  // of each node
  // In which life each node starts with the next release, which knows one feature more; empty:
  // there is no upgrade.
  std::vector<std::uint32_t> upgraded_in;
};
FleetShape draw_fleet(Experiment& experiment);

class Fleet {
 public:
  // Starts them.  Outlived by the experiment; the checkers outlive it.
  Fleet(Experiment& experiment, const FleetShape& shape, const node::Options& options,
        Replicas& replicas, RaftGroup& group);

  const std::vector<Host*>& hosts() const { return hosts_; }
  const std::vector<std::string>& names() const { return names_; }

  // Empty: it is so.  Else the first thing that is not, in words.
  std::string unformed() const;
  std::string unrest() const;

 private:
  struct Seen;  // one server that is up
  std::vector<Seen> look() const;

  const FleetShape shape_;
  std::vector<Host*> hosts_;
  std::vector<std::string> names_;
};

}  // namespace perdure::sim
