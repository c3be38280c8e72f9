#include "engine/node/log_servers.h"

#include <string>

namespace perdure::node {
namespace {

std::unexpected<Error> unknown(NodeId node) {
  return fail(Code::not_found, "node " + std::to_string(node.raw()) + " is not known");
}

}  // namespace

LogServers::~LogServers() {
  if (watching_) rpc_.unwatch(*watching_);
}

void LogServers::serve(log::Server& server) {
  rpc_.serve(Verb::log_ask, [&server](std::string_view question) -> Result<std::string> {
    return server.answer(question);
  });
  rpc_.hear(Verb::log_frame, [&server](const io::Origin& from, std::string_view frame) {
    server.hear(from.shard.node, frame);
  });
  watching_ = rpc_.watch([&server](const io::Link& link) {
    if (link.now == io::Link::Now::down) {
      server.lost(link.peer.node);
    } else {
      server.found(link.peer.node);
    }
  });
}

Result<std::string> LogServers::ask(NodeId node, PartitionId partition, std::string_view question,
                                    Instant deadline) {
  const auto to = needs_.address_of(node, partition);
  if (!to) return unknown(node);
  return rpc_.ask(*to, Verb::log_ask, question, deadline);
}

// What is lost here is sent again by the sequencer, as anything that is lost on its way.
Result<void> LogServers::tell(NodeId node, PartitionId partition, std::string frame) {
  const auto to = needs_.address_of(node, partition);
  if (!to) return unknown(node);
  return rpc_.tell(*to, Verb::log_frame, frame);
}

}  // namespace perdure::node
