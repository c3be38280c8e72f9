// engine/node/group_members.h
//
// The other members of the metadata group, over Rpc: each lives on shard 0 of its node.
#pragma once

#include "engine/control/metadata_client.h"
#include "engine/node/rpc.h"

namespace perdure::control {
class RaftMetadata;
}

namespace perdure::node {

class GroupMembers final : public control::Members {
 public:
  explicit GroupMembers(Rpc& rpc) : rpc_(rpc) {}

  void send(NodeId to, std::string message) override;
  Result<std::string> ask(NodeId to, std::string_view question, Instant deadline) override;

 private:
  Rpc& rpc_;
};

// Makes this shard 0 a member that others can talk to.  The store outlives the Rpc.
void serve_group(Rpc&, control::RaftMetadata&);

}  // namespace perdure::node
