#include "engine/node/reconfigure.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace perdure::node {
namespace {

Result<NodeId> replica_of(const control::PlanLine& line, std::string_view text) {
  std::uint64_t id = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, id).ptr != end) {
    return fail(Code::invalid, "'" + std::string(text) + "' is not the number of a node");
  }
  if (std::ranges::find(line.replicas, NodeId(id)) == line.replicas.end()) {
    return fail(Code::conflict, "node " + std::to_string(id) + " has no replica of partition " +
                                    std::to_string(line.partition.raw()));
  }
  return NodeId(id);
}

Result<void> change(control::PlanLine& line, std::string_view word, std::string_view node) {
  if (word == "freeze" || word == "unfreeze") {
    line.frozen = word == "freeze";
  } else if (word == "unpin") {
    line.pinned.reset();
  } else if (word == "pin") {
    TRY(pinned, replica_of(line, node));
    line.pinned = pinned;
  } else if (word == "leader") {
    TRY(leader, replica_of(line, node));
    if (line.pinned && line.pinned != leader) {
      return fail(Code::conflict,
                  "node " + std::to_string(line.pinned->raw()) + " is pinned as its leader");
    }
    line.leader = leader;
  } else {
    return fail(Code::not_found, "a partition takes leader/N, pin/N, unpin, freeze and unfreeze");
  }
  return {};
}

}  // namespace

Result<control::Plan> replanned(control::Plan plan, PartitionId partition, std::string_view words) {
  const auto line =
      std::ranges::lower_bound(plan.lines, partition, {}, &control::PlanLine::partition);
  if (line == plan.lines.end() || line->partition != partition) {
    return fail(Code::not_found, "the plan has no partition " + std::to_string(partition.raw()));
  }
  const std::size_t slash = words.find('/');
  TRY_VOID(change(*line, words.substr(0, slash),
                  slash == words.npos ? std::string_view() : words.substr(slash + 1)));
  return plan;
}

Result<void> check_enough(const control::Nodes& nodes, const log::Replication& replication) {
  const auto check = [&](control::NodeRole role, std::string_view what) -> Result<void> {
    std::vector<log::Member> members;
    for (const control::NodeEntry& node : nodes.nodes) {
      if (node.state != control::NodeState::active || !node.has(role)) continue;
      members.push_back({.node = node.id, .zone = node.zone, .region = node.region});
    }
    if (log::check_nodeset(members, replication)) return {};
    return fail(Code::conflict, "the active nodes that " + std::string(what) +
                                    " are too few for replication " + log::to_text(replication));
  };
  TRY_VOID(check(control::NodeRole::log, "keep logs"));
  return check(control::NodeRole::worker, "have partitions");
}

Result<ClusterConfig> with_replication(ClusterConfig config, std::string_view text,
                                       const control::Nodes& nodes) {
  TRY(replication, log::parse_replication(text));
  TRY_VOID(check_enough(nodes, replication));
  config.replication = replication;
  return config;
}

Result<void> check_drained(NodeId node, const control::Plan& plan,
                           const std::vector<log::Chain>& chains) {
  const std::string name = "node " + std::to_string(node.raw());
  for (const control::PlanLine& line : plan.lines) {
    if (std::ranges::find(line.replicas, node) == line.replicas.end()) continue;
    return fail(Code::conflict,
                name + " still has a replica of partition " + std::to_string(line.partition.raw()));
  }
  const auto is_on = [node](const log::Loglet& loglet) {
    return std::ranges::find(loglet.nodeset, node, &log::Member::node) != loglet.nodeset.end();
  };
  const auto partition_of = [](const log::Loglet& loglet) {
    return std::to_string(log::partition_of(loglet.id).raw());
  };
  for (const log::Chain& chain : chains) {
    if (chain.loglets.empty()) continue;
    const log::Loglet& open = chain.loglets.back();
    if (chain.sealed_tail == Lsn(0) && is_on(open)) {
      return fail(Code::conflict,
                  "the log of partition " + partition_of(open) + " is still written to " + name);
    }
    const auto only_copy = std::ranges::find_if(chain.loglets, [&](const log::Loglet& loglet) {
      return is_on(loglet) && loglet.replication.copies == 1;
    });
    if (only_copy == chain.loglets.end()) continue;
    return fail(Code::conflict, name + " has the only copy of records of partition " +
                                    partition_of(*only_copy) +
                                    " that are not trimmed yet: wait, they will be");
  }
  return {};
}

}  // namespace perdure::node
