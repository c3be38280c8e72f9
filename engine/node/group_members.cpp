#include "engine/node/group_members.h"

#include "engine/control/raft_metadata.h"

namespace perdure::node {

void GroupMembers::send(NodeId to, std::string message) {
  // What does not leave is lost, as Raft expects of messages.
  (void)rpc_.tell({.node = to, .shard = 0}, Verb::group, message);
}

Result<std::string> GroupMembers::ask(NodeId to, std::string_view question, Instant deadline) {
  return rpc_.ask({.node = to, .shard = 0}, Verb::group_ask, question, deadline);
}

void serve_group(Rpc& rpc, control::RaftMetadata& store) {
  rpc.hear(Verb::group, [&store](const io::Origin& from, std::string_view message) {
    store.receive(from.shard.node, message);
  });
  rpc.watch([&store](const io::Link& link) {
    if (link.now == io::Link::Now::down && link.peer.shard == 0) store.lost(link.peer.node);
  });
  rpc.serve(Verb::group_ask, [&store](std::string_view question) { return store.serve(question); });
}

}  // namespace perdure::node
