// engine/node/log_servers.h
//
// The log servers of other nodes, over Rpc: log::Servers for one shard, and the two verbs
// under which its own log::Server answers and hears.
//
//     ask(node 2, partition 7, question) ──► the shard of node 2 that has partition 7's stream
//     tell(node 2, partition 7, frame)   ──► the same, one way
//
// Where another node has a partition's stream depends on how many streams and shards that
// node has: whoever knows the nodes says so.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/log/server.h"
#include "engine/log/servers.h"
#include "engine/node/rpc.h"

namespace perdure::node {

class LogServers final : public log::Servers {
 public:
  struct Needs {
    // Nothing when the node is not known.
    std::function<std::optional<io::ShardAddress>(NodeId, PartitionId)> address_of;
    std::function<std::vector<log::Candidate>()> members;
  };
  LogServers(Rpc& rpc, Needs needs) : rpc_(rpc), needs_(std::move(needs)) {}
  ~LogServers() override;
  LogServers(const LogServers&) = delete;
  LogServers& operator=(const LogServers&) = delete;

  // Before the first frame can come.  Writers are told of links that go down and come up:
  // what was on its way is lost, and need not be waited for.
  void serve(log::Server& server);

  Result<std::string> ask(NodeId node, PartitionId partition, std::string_view question,
                          Instant deadline) override;
  Result<void> tell(NodeId node, PartitionId partition, std::string frame) override;
  std::vector<log::Candidate> members() const override { return needs_.members(); }

 private:
  Rpc& rpc_;
  const Needs needs_;
  std::optional<std::uint64_t> watching_;  // links, under that number
};

}  // namespace perdure::node
