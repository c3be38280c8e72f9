#include "engine/log/nodeset.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "engine/base/bytes.h"

namespace perdure::log {
namespace {

bool writable(const Candidate& c) { return c.state == StorageState::read_write && c.alive; }

std::uint64_t hash_of(PartitionId partition, NodeId node) {
  std::string key;
  put_be(key, partition.raw());
  put_be(key, node.raw());
  return hash64(key);
}

// Of the widest scope that matters.
std::string domain_of(const Member& member, Replication replication) {
  if (replication.regions > 1) return member.region;
  return member.region + "." + member.zone;
}

// By hash, then one of each domain in turn; the sequencer before all.
std::vector<Candidate> in_order(const NodesetWish& wish, std::vector<Candidate> candidates) {
  std::ranges::sort(candidates, [&](const Candidate& a, const Candidate& b) {
    const bool a_is_first = a.member.node == wish.sequencer;
    const bool b_is_first = b.member.node == wish.sequencer;
    if (a_is_first != b_is_first) return a_is_first;
    return std::pair(hash_of(wish.partition, a.member.node), a.member.node) <
           std::pair(hash_of(wish.partition, b.member.node), b.member.node);
  });
  std::vector<std::pair<std::string, std::vector<Candidate>>> domains;
  for (Candidate& candidate : candidates) {
    const std::string name = domain_of(candidate.member, wish.replication);
    auto found = std::ranges::find(domains, name, &decltype(domains)::value_type::first);
    if (found == domains.end()) found = domains.insert(domains.end(), {name, {}});
    found->second.push_back(std::move(candidate));
  }
  std::vector<Candidate> ordered;
  for (std::size_t round = 0; ordered.size() < candidates.size(); ++round) {
    for (const auto& [name, members] : domains) {
      if (round < members.size()) ordered.push_back(members[round]);
    }
  }
  return ordered;
}

Nodes nodes_of(const std::vector<Member>& members) {
  Nodes nodes;
  for (const Member& member : members) nodes.push_back(member.node);
  return nodes;
}

}  // namespace

Result<std::vector<Member>> choose_nodeset(const NodesetWish& wish,
                                           const std::vector<Candidate>& candidates) {
  const std::uint32_t copies = wish.replication.copies;
  const std::uint32_t sensible = copies == 1 ? 1 : std::max(2 * copies - 1, copies + 1);
  const std::size_t wanted = std::max(wish.size, sensible);

  // Each in an order of its own: one of each zone in turn must not come to nodes that are gone.
  std::vector<Candidate> members, here_now;
  std::ranges::copy_if(candidates, std::back_inserter(members),
                       [](const Candidate& c) { return c.state == StorageState::read_write; });
  std::ranges::copy_if(members, std::back_inserter(here_now), writable);
  std::vector<Member> chosen, away;
  for (const Candidate& candidate : in_order(wish, std::move(here_now))) {
    if (chosen.size() < wanted) chosen.push_back(candidate.member);
  }
  const std::vector<Candidate> in_all = in_order(wish, std::move(members));
  for (std::size_t i = 0; i < std::min(wanted, in_all.size()); ++i) {
    if (!in_all[i].alive) away.push_back(in_all[i].member);
  }
  if (auto fits = check_nodeset(chosen, wish.replication); !fits) {
    return fail(Code::retry_later, "too few nodes can be written to: " + fits.error().detail);
  }
  const Nodes here = nodes_of(chosen);
  for (const Member& member : away) {
    std::vector<Member> with = chosen;
    with.push_back(member);
    if (is_f_majority(with, wish.replication, here)) chosen = std::move(with);
  }
  return chosen;
}

NodesetFitness fitness_of(const std::vector<Member>& nodeset, Replication replication,
                          const NodesetWish& wish, const std::vector<Candidate>& candidates) {
  const auto candidate_of = [&](const Member& member) {
    return std::ranges::find_if(candidates,
                                [&](const Candidate& c) { return c.member.node == member.node; });
  };
  const auto can_be_written = [&](const Member& member) {
    const auto found = candidate_of(member);
    return found != candidates.end() && writable(*found);
  };
  Nodes written;
  bool changes = replication != wish.replication;
  for (const Member& member : nodeset) {
    const auto found = candidate_of(member);
    if (can_be_written(member)) written.push_back(member.node);
    changes = changes || found == candidates.end() || found->state != StorageState::read_write;
  }
  const auto chosen = choose_nodeset(wish, candidates);
  if (!chosen) return NodesetFitness::well;  // as well as can be
  if (!is_write_quorum(nodeset, replication, written)) return NodesetFitness::cannot_write;
  const auto alive = static_cast<std::size_t>(std::ranges::count_if(*chosen, can_be_written));
  const bool better = changes || written.size() < alive;
  return better ? NodesetFitness::could_be_better : NodesetFitness::well;
}

}  // namespace perdure::log
