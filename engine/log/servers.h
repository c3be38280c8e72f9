// engine/log/servers.h
//
// What engine/log needs of the network: the log servers of the cluster's other nodes.
// engine/node fills it in.
//
// Promised   Frames to one node arrive in the order of their sending, each at most once;
//            a question is answered by log::Server::answer of that node's shard for the
//            partition, a frame is heard by its Server::hear.
// Allowed    Both may be lost, silently.  After a frame was lost later ones may arrive.
//            Members may be wrong about who is alive.
// Not here   what is said: messages.h.  Who has which partition's stream on which shard.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/log/nodeset.h"

namespace perdure::log {

class Servers {
 public:
  virtual ~Servers() = default;
  // Parks.  Errors: timed_out, cancelled, retry_later, and the far side's.
  virtual Result<std::string> ask(NodeId node, PartitionId partition, std::string_view question,
                                  Instant deadline) = 0;
  // Never parks.  Errors: retry_later, when too much is on its way; not_found.
  virtual Result<void> tell(NodeId node, PartitionId partition, std::string frame) = 0;
  // Every node that ever may have held a copy, as the configuration says today.
  virtual std::vector<Candidate> members() const = 0;
};

inline States states_of(const std::vector<Candidate>& members) {
  States states;
  for (const Candidate& candidate : members) states[candidate.member.node] = candidate.state;
  return states;
}

}  // namespace perdure::log
