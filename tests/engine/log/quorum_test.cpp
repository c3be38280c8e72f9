// The arithmetic and the decisions over it, on random topologies: properties that no example
// can show whole.
#include "engine/log/quorum.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "engine/base/match.h"
#include "engine/log/find_tail.h"
#include "engine/log/nodeset.h"
#include "engine/log/repair.h"

namespace perdure::log {
namespace {

struct Topology {
  std::vector<Member> nodeset;
  Replication replication;
};

std::uint64_t below(std::uint64_t n) { return *rc::gen::inRange<std::uint64_t>(0, n); }

Topology draw_topology() {
  Topology t;
  const std::uint64_t nodes = 1 + below(7), zones = 1 + below(4), regions = 1 + below(2);
  for (std::uint64_t n = 1; n <= nodes; ++n) {
    t.nodeset.push_back({NodeId(n), std::to_string(below(zones)), std::to_string(below(regions))});
  }
  t.replication.copies = static_cast<std::uint32_t>(1 + below(nodes));
  t.replication.zones = static_cast<std::uint32_t>(1 + below(t.replication.copies));
  t.replication.regions = static_cast<std::uint32_t>(1 + below(t.replication.zones));
  RC_PRE(check_nodeset(t.nodeset, t.replication).has_value());
  return t;
}

Nodes draw_nodes(const std::vector<Member>& nodeset) {
  Nodes nodes;
  for (const Member& member : nodeset) {
    if (below(2) == 0) nodes.push_back(member.node);
  }
  return nodes;
}

bool meet(const Nodes& a, const Nodes& b) {
  return std::ranges::any_of(a, [&](NodeId n) { return std::ranges::find(b, n) != b.end(); });
}

RC_GTEST_PROP(Quorum, AnFMajorityMeetsEveryWriteQuorum, ()) {
  const Topology t = draw_topology();
  const Nodes a = draw_nodes(t.nodeset), b = draw_nodes(t.nodeset);
  if (is_f_majority(t.nodeset, t.replication, a) && is_write_quorum(t.nodeset, t.replication, b)) {
    RC_ASSERT(meet(a, b));
  }
  // And it is the smallest such notion: a set that is none misses some write quorum.
  if (!is_f_majority(t.nodeset, t.replication, a)) {
    Nodes rest;
    for (const Member& m : t.nodeset) {
      if (std::ranges::find(a, m.node) == a.end()) rest.push_back(m.node);
    }
    RC_ASSERT(is_write_quorum(t.nodeset, t.replication, rest));
  }
}

// Whatever became of the nodes since: who wrote a quorum when it held its disk is met by those
// who hold theirs today.
RC_GTEST_PROP(Quorum, CertaintyNeverRestsOnALostDisk, ()) {
  const Topology t = draw_topology();
  States states;
  for (const Member& m : t.nodeset) {
    states[m.node] = static_cast<StorageState>(below(5));  // none is disabled: it may hold copies
    if (below(8) == 0) states.erase(m.node);
  }
  const Nodes written = draw_nodes(t.nodeset), asked = draw_nodes(t.nodeset);
  RC_PRE(is_write_quorum(t.nodeset, t.replication, written));
  if (f_majority(t.nodeset, t.replication, states, asked) != Certainty::certain) return;
  const bool met = std::ranges::any_of(asked, [&](NodeId n) {
    return std::ranges::find(written, n) != written.end() && is_authoritative(state_of(states, n));
  });
  RC_ASSERT(met);
}

// Where copies can be kept today, of what may be asked today: whoever repairs on the one is
// found by whoever asks the other.
RC_GTEST_PROP(Quorum, WhatIsKeptOnThoseWhoAreLeftIsFoundAmongThem, ()) {
  const Topology t = draw_topology();
  States states;
  for (const Member& m : t.nodeset) {
    states[m.node] = below(3) == 0 ? StorageState::gone : StorageState::read_write;
  }
  const Placement left = lasting(t.nodeset, t.replication, states);
  // As few as will do, beginning anywhere.
  Nodes kept = draw_nodes(left.nodeset), asked = draw_nodes(left.nodeset);
  for (const Member& m : left.nodeset) {
    if (!is_write_quorum(left.nodeset, left.replication, kept)) kept.push_back(m.node);
    if (!is_f_majority(t.nodeset, t.replication, asked)) asked.push_back(m.node);
  }
  if (!is_f_majority(t.nodeset, t.replication, asked)) return;  // too many are gone: nobody says
  RC_ASSERT(is_write_quorum(left.nodeset, left.replication, kept) || left.nodeset.empty());
  RC_ASSERT(meet(kept, asked));
}

RC_GTEST_PROP(Quorum, ACopysetIsAQuorumWithoutExcess, ()) {
  const Topology t = draw_topology();
  const Nodes usable = draw_nodes(t.nodeset);
  const Nodes copyset = choose_copyset(t.nodeset, t.replication, usable);
  RC_ASSERT(copyset.empty() != is_write_quorum(t.nodeset, t.replication, usable));
  if (copyset.empty()) return;
  RC_ASSERT(is_write_quorum(t.nodeset, t.replication, copyset));
  RC_ASSERT(copyset.size() == t.replication.copies);
}

RC_GTEST_PROP(Nodeset, IsTheSameForAllAndCanBeSealedByThoseWhoAreHere, ()) {
  const std::uint64_t nodes = 1 + below(8);
  std::vector<Candidate> candidates;
  Nodes here;
  for (std::uint64_t n = 1; n <= nodes; ++n) {
    candidates.push_back({.member = {NodeId(n), std::to_string(below(3)), {}},
                          .state = static_cast<StorageState>(below(6)),
                          .alive = below(4) != 0});
  }
  NodesetWish wish{.partition = PartitionId(below(50)),
                   .replication = {},
                   .size = 0,
                   .sequencer = NodeId(1 + below(nodes))};
  wish.replication.copies = static_cast<std::uint32_t>(1 + below(4));
  wish.size = static_cast<std::uint32_t>(below(6));
  const auto chosen = choose_nodeset(wish, candidates);
  std::vector<Candidate> shuffled = candidates;
  std::ranges::reverse(shuffled);
  const auto again = choose_nodeset(wish, shuffled);
  RC_ASSERT(chosen.has_value() == again.has_value());
  if (!chosen) return;
  RC_ASSERT(*chosen == *again);
  for (const Member& member : *chosen) {
    const auto c = std::ranges::find(candidates, member.node,
                                     [](const Candidate& x) { return x.member.node; });
    RC_ASSERT(c->state == StorageState::read_write);
    if (c->alive) here.push_back(member.node);
  }
  RC_ASSERT(is_write_quorum(*chosen, wish.replication, here));
  RC_ASSERT(is_f_majority(*chosen, wish.replication, here));
}

// --- a loglet among its nodes, written, sealed, repaired by several at once ---

// A model of nodes that follow copy.h's rule; the driver below does what sequencers, sealers
// and repairers may do, in any order, with any answers missing.
class Cluster {
 public:
  explicit Cluster(Topology t) : t_(std::move(t)), nodes_(t_.nodeset.size()) {}

  struct Node {
    std::set<std::uint64_t> held;
    std::uint64_t committed = 0;  // as its writer told it
    std::uint64_t acked = 0;      // to its writer
    bool sealed = false;
    bool repaired = false;
    std::uint64_t last() const { return held.empty() ? 0 : *held.rbegin(); }
  };

  void write() {
    ++next_;
    for (Node& node : nodes_) {
      if (below(3) == 0) continue;  // lost, or not in the copyset
      store_up_to(node, next_);
    }
    see_commits();
  }
  // The sequencer sends in order from what is committed on: sticky copysets.
  void store_up_to(Node& node, std::uint64_t last) {
    if (node.sealed || node.repaired) return;
    node.committed = std::max(node.committed, committed_);
    std::uint64_t from = std::max(node.last(), node.committed) + 1;
    for (; from <= last; ++from) node.held.insert(from);
    node.acked = last;
  }
  void see_commits() {
    for (std::uint64_t n = committed_ + 1; n <= next_; ++n) {
      Nodes holders;
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].acked >= n) holders.push_back(t_.nodeset[i].node);
      }
      if (!is_write_quorum(t_.nodeset, t_.replication, holders)) return;
      committed_ = n;
    }
  }
  void seal(std::size_t i) { nodes_[i].sealed = true; }

  std::vector<TailAnswer> answers(const Nodes& from) const {
    std::vector<TailAnswer> found;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (std::ranges::find(from, t_.nodeset[i].node) == from.end()) continue;
      found.push_back({.node = t_.nodeset[i].node,
                       .last = Offset(nodes_[i].last()),
                       .known_committed = Offset(nodes_[i].committed),
                       .sealed = nodes_[i].sealed});
    }
    return found;
  }
  std::vector<Digest> digests(const Nodes& from, std::uint64_t first, std::uint64_t last) const {
    std::vector<Digest> found;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (std::ranges::find(from, t_.nodeset[i].node) == from.end()) continue;
      Digest digest{.node = t_.nodeset[i].node, .trim_point = {}, .held = {}};
      for (const std::uint64_t n : nodes_[i].held) {
        if (n >= first && n <= last) digest.held.insert(n);
      }
      found.push_back(std::move(digest));
    }
    return found;
  }
  Node& node(NodeId id) { return nodes_[id.raw() - 1]; }
  std::vector<Node>& nodes() { return nodes_; }
  const Topology& topology() const { return t_; }
  std::uint64_t committed() const { return committed_; }
  std::uint64_t written() const { return next_; }

 private:
  const Topology t_;
  std::vector<Node> nodes_;
  std::uint64_t next_ = 0, committed_ = 0;
};

// A repairer does one order at a time; another may come in between.
struct Repairer {
  std::vector<CopyOrder> orders;
  std::uint64_t committed = 0;
};

void carry_out_one(Cluster& cluster, Repairer& repairer) {
  const CopyOrder order = repairer.orders.front();
  for (std::uint64_t n = order.first.raw(); n <= order.last.raw(); ++n) {
    RC_ASSERT(std::ranges::any_of(
        order.from, [&](NodeId from) { return cluster.node(from).held.contains(n); }));
    for (const NodeId to : order.to) {
      Cluster::Node& node = cluster.node(to);
      // copy.h would take it
      RC_ASSERT(n - 1 <= std::max({node.last(), node.committed, repairer.committed}));
      node.held.insert(n);
      node.repaired = true;
    }
    repairer.committed = n;
  }
  repairer.orders.erase(repairer.orders.begin());
}

bool on_quorum(Cluster& cluster, std::uint64_t n) {
  const Topology& t = cluster.topology();
  Nodes holders;
  for (const Member& member : t.nodeset) {
    if (cluster.node(member.node).held.contains(n)) holders.push_back(member.node);
  }
  return is_write_quorum(t.nodeset, t.replication, holders);
}

RC_GTEST_PROP(Tail, NobodyIsToldLessThanBeforeAndRepairsEnd, ()) {
  Cluster cluster(draw_topology());
  const Topology& t = cluster.topology();
  Repairer repairers[2];
  std::optional<std::uint64_t> sealed_at;
  std::uint64_t told = 0;  // the highest committed tail that anybody was told

  for (int step = 0; step < 60; ++step) {
    const std::uint64_t what = below(10);
    if (what < 3 && cluster.written() < 20) {
      cluster.write();
      told = std::max(told, cluster.committed());  // its appender was
    } else if (what == 3) {
      cluster.seal(below(t.nodeset.size()));
    } else if (what < 7) {
      const Nodes asked = draw_nodes(t.nodeset);
      const TailDecision decision = find_tail(t.nodeset, t.replication, cluster.answers(asked));
      if (const auto* open = std::get_if<OpenAt>(&decision)) {
        told = std::max(told, open->last.raw());
      }
      if (const auto* sealed = std::get_if<SealedAt>(&decision)) {
        RC_ASSERT(sealed->last.raw() >= told);
        if (!sealed_at) sealed_at = sealed->last.raw();  // the first has its way with the chain
        told = std::max(told, *sealed_at);
      }
      Repairer& mine = repairers[below(2)];
      if (const auto* repair = std::get_if<Repair>(&decision); repair && mine.orders.empty()) {
        const RepairDecision plan = plan_repair(
            t.nodeset, t.replication,
            cluster.digests(draw_nodes(t.nodeset), repair->first.raw(), repair->last.raw()),
            {.first = repair->first, .last = repair->last});
        if (const auto* orders = std::get_if<RepairPlan>(&plan)) {
          mine.orders = orders->orders;
          mine.committed = orders->committed.raw();
        }
      }
    } else {
      Repairer& one = repairers[below(2)];
      if (!one.orders.empty()) carry_out_one(cluster, one);
    }
  }
  if (sealed_at) RC_ASSERT(cluster.committed() <= *sealed_at);
  // With all there, it ends, nothing that was told is beyond, and there is no hole.
  for (std::size_t i = 0; i < t.nodeset.size(); ++i) cluster.seal(i);
  Nodes all;
  for (const Member& m : t.nodeset) all.push_back(m.node);
  for (int round = 0; round < 3; ++round) {
    const TailDecision decision = find_tail(t.nodeset, t.replication, cluster.answers(all));
    if (const auto* sealed = std::get_if<SealedAt>(&decision)) {
      RC_ASSERT(sealed->last.raw() >= told);
      for (std::uint64_t n = 1; n <= sealed->last.raw(); ++n) RC_ASSERT(on_quorum(cluster, n));
      return;
    }
    const auto* repair = std::get_if<Repair>(&decision);
    RC_ASSERT(repair != nullptr);
    const RepairDecision plan = plan_repair(
        t.nodeset, t.replication, cluster.digests(all, repair->first.raw(), repair->last.raw()),
        {.first = repair->first, .last = repair->last});
    const auto* orders = std::get_if<RepairPlan>(&plan);
    RC_ASSERT(orders != nullptr);
    Repairer last{.orders = orders->orders, .committed = orders->committed.raw()};
    while (!last.orders.empty()) carry_out_one(cluster, last);
  }
  RC_FAIL("three repairs, and still no tail");
}

}  // namespace
}  // namespace perdure::log
