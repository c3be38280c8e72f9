#include "engine/log/quorum.h"

#include <algorithm>

namespace perdure::log {
namespace {

bool has(const Nodes& nodes, NodeId node) { return std::ranges::find(nodes, node) != nodes.end(); }

}  // namespace

Result<void> check_nodeset(const std::vector<Member>& nodeset, Replication replication) {
  Nodes all;
  for (const Member& member : nodeset) {
    if (has(all, member.node)) {
      return fail(Code::invalid, "node " + std::to_string(member.node.raw()) + " is named twice");
    }
    all.push_back(member.node);
  }
  if (replication.copies < 1 || replication.zones < 1 || replication.zones > replication.copies) {
    return fail(Code::invalid, "replication of " + std::to_string(replication.copies) +
                                   " copies in " + std::to_string(replication.zones) + " zones");
  }
  if (!is_write_quorum(nodeset, replication, all)) {
    return fail(Code::invalid, "a nodeset of " + std::to_string(nodeset.size()) + " cannot hold " +
                                   std::to_string(replication.copies) + " copies in " +
                                   std::to_string(replication.zones) + " zones");
  }
  return {};
}

// A set with enough nodes and enough zones has a subset with exactly as many copies that
// spans as many zones: one node of each of those zones, and any others.
bool is_write_quorum(const std::vector<Member>& nodeset, Replication replication,
                     const Nodes& nodes) {
  std::uint32_t copies = 0;
  std::vector<std::string_view> zones;
  for (const Member& member : nodeset) {
    if (!has(nodes, member.node)) continue;
    ++copies;
    if (std::ranges::find(zones, member.zone) == zones.end()) zones.push_back(member.zone);
  }
  return copies >= replication.copies && zones.size() >= replication.zones;
}

bool is_f_majority(const std::vector<Member>& nodeset, Replication replication,
                   const Nodes& nodes) {
  Nodes rest;
  for (const Member& member : nodeset) {
    if (!has(nodes, member.node)) rest.push_back(member.node);
  }
  return !is_write_quorum(nodeset, replication, rest);
}

}  // namespace perdure::log
