#include "engine/raft/message.h"

#include <algorithm>

namespace perdure::raft {
namespace {
constexpr std::size_t members_max = 31;
}

bool Configuration::is_voter(NodeId node) const { return std::ranges::binary_search(voters, node); }

bool Configuration::is_member(NodeId node) const {
  return is_voter(node) || std::ranges::binary_search(learners, node);
}

Result<Configuration> checked(Configuration configuration) {
  std::ranges::sort(configuration.voters);
  std::ranges::sort(configuration.learners);
  std::vector<NodeId> all;
  std::ranges::merge(configuration.voters, configuration.learners, std::back_inserter(all));
  if (std::ranges::adjacent_find(all) != all.end()) {
    return fail(Code::invalid, "a member stands twice in the configuration");
  }
  if (configuration.voters.empty()) return fail(Code::invalid, "a group has one voter at least");
  if (all.size() > members_max) {
    return fail(Code::invalid, "a group has " + std::to_string(members_max) + " members at most");
  }
  return configuration;
}

std::string_view name_of(EntryKind kind) {
  switch (kind) {
    case EntryKind::command: return "command";
    case EntryKind::nothing: return "nothing";
    case EntryKind::configuration: return "configuration";
  }
  return "?";
}

}  // namespace perdure::raft
