#include "engine/log/reach.h"

#include <algorithm>

#include "engine/log/loglet_store.h"

namespace perdure::log {

Result<std::string> Reach::ask(NodeId node, const Question& question, LogletId loglet,
                               Instant deadline) const {
  const std::string bytes = wire::encode(question);
  if (node == self) {
    if (here == nullptr) return fail(Code::retry_elsewhere, "no copies are on this shard");
    return answer_question(*here, fibers, bytes);
  }
  if (servers == nullptr) {
    return fail(Code::retry_elsewhere,
                "node " + std::to_string(node.raw()) + " has copies, and this node is alone");
  }
  return servers->ask(node, partition_of(loglet), bytes, deadline);
}

template <class Reply, class Ask>
Result<Reply> Reach::put(NodeId node, Ask asked, Instant deadline) const {
  const LogletId loglet = asked.loglet;
  TRY(bytes, ask(node, Question{.what = std::move(asked)}, loglet, deadline));
  return wire::decode<Reply>(bytes);
}

Result<TailReply> Reach::seal(NodeId node, LogletId loglet, Instant deadline) const {
  return put<TailReply>(node, SealAsk{.loglet = loglet}, deadline);
}
Result<TailReply> Reach::tail(NodeId node, const TailAsk& ask, Instant deadline) const {
  return put<TailReply>(node, ask, deadline);
}
Result<TailReply> Reach::repair(NodeId node, RepairAsk ask, Instant deadline) const {
  return put<TailReply>(node, std::move(ask), deadline);
}
Result<TailReply> Reach::trim(NodeId node, const TrimAsk& ask, Instant deadline) const {
  return put<TailReply>(node, ask, deadline);
}
Result<DigestReply> Reach::digest(NodeId node, const DigestAsk& ask, Instant deadline) const {
  return put<DigestReply>(node, ask, deadline);
}
Result<ReadReply> Reach::read(NodeId node, const ReadAsk& ask, Instant deadline) const {
  return put<ReadReply>(node, ask, deadline);
}

Result<Reach::Fetched> Reach::fetch(const std::vector<Member>& nodeset, const ReadAsk& ask,
                                    Instant deadline) const {
  std::vector<Member> order = nodeset;
  std::ranges::stable_partition(order, [this](const Member& m) { return m.node == self; });
  std::optional<Error> why;
  for (const Member& member : order) {
    auto reply = read(member.node, ask, deadline);
    if (!reply) {
      if (reply.error().code == Code::cancelled) return std::unexpected(reply.error());
      why = reply.error();
      continue;
    }
    if (reply->trim_point >= ask.first) return Fetched{.trim_point = reply->trim_point};
    if (!reply->records.empty()) {
      return Fetched{.trim_point = reply->trim_point, .records = std::move(reply->records)};
    }
  }
  if (why) return fail(Code::failed, "no copy can be read now: " + why->detail);
  return fail(Code::corrupt, "loglet " + std::to_string(ask.loglet.raw()) + ", offset " +
                                 std::to_string(ask.first.raw()) + " is on none of its nodes");
}

States Reach::states() const {
  if (servers == nullptr) return {{self, StorageState::read_write}};
  return states_of(servers->members());
}

}  // namespace perdure::log
