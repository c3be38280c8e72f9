#include "engine/control/placement.h"

#include <algorithm>
#include <map>
#include <set>

namespace perdure::control {
namespace {

class Placing {
 public:
  Placing(const std::vector<PlacedNode>& nodes, const PlacementWish& wish,
          std::vector<PlanLine> lines)
      : wish_(wish), lines_(std::move(lines)) {
    for (const PlacedNode& node : nodes) nodes_[node.id] = node;
    for (const PlanLine& line : lines_) {
      for (const NodeId replica : line.replicas) ++replicas_[replica];
      if (line.leader) ++leads_[*line.leader];
    }
  }

  std::vector<PlanLine> run() {
    for (PlanLine& line : lines_) {
      if (!line.frozen) place_replicas(line);
    }
    for (PlanLine& line : lines_) {
      if (!line.frozen) place_leader(line);
    }
    balance();
    balance_replicas();
    return std::move(lines_);
  }

 private:
  NodeUse use(NodeId node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? NodeUse::gone : found->second.use;
  }

  // --- replicas ---

  void place_replicas(PlanLine& line) {
    const bool is_new = line.replicas.empty();
    while (line.replicas.size() < wish_.copies && add_best(line)) {
      if (!is_new) return;  // one at a time: the newcomer must catch up first
    }
    if (is_new) return;
    // Full: one that is not wanted goes when those that stay are enough.
    const auto unwanted = std::ranges::find_if(line.replicas, [&](NodeId replica) {
      return use(replica) == NodeUse::gone || use(replica) == NodeUse::draining;
    });
    if (unwanted != line.replicas.end()) {
      const bool is_gone = use(*unwanted) == NodeUse::gone;
      if (line.replicas.size() > wish_.copies) return remove(line, *unwanted);
      if (add_best(line) || !is_gone) return;
      if (usable_of(line) > 0) remove(line, *unwanted);
      return;
    }
    if (line.replicas.size() > wish_.copies) remove(line, most_loaded(line));
  }

  bool add_best(PlanLine& line) {
    const std::set<std::string> taken = zones_of(line);
    const PlacedNode* best = nullptr;
    const auto rank = [&](const PlacedNode& node) {
      const bool same_zone = taken.size() < wish_.zones && taken.contains(node.zone);
      return std::tuple(same_zone, replicas_[node.id], node.id);
    };
    for (const auto& [id, node] : nodes_) {
      if (node.use != NodeUse::usable || has(line, id)) continue;
      if (best == nullptr || rank(node) < rank(*best)) best = &node;
    }
    if (best == nullptr) return false;
    line.replicas.insert(std::ranges::upper_bound(line.replicas, best->id), best->id);
    ++replicas_[best->id];
    return true;
  }

  void remove(PlanLine& line, NodeId node) {
    std::erase(line.replicas, node);
    --replicas_[node];
    if (line.leader == node) {
      line.leader.reset();
      --leads_[node];
    }
  }

  std::set<std::string> zones_of(const PlanLine& line) const {
    std::set<std::string> zones;
    for (const NodeId replica : line.replicas) {
      const auto found = nodes_.find(replica);
      if (found != nodes_.end() && found->second.use != NodeUse::gone) {
        zones.insert(found->second.zone);
      }
    }
    return zones;
  }

  std::size_t usable_of(const PlanLine& line) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        line.replicas, [&](NodeId replica) { return use(replica) == NodeUse::usable; }));
  }

  // Of those that do not lead and whose zone is not the only one of its name.
  NodeId most_loaded(const PlanLine& line) {
    NodeId worst = line.replicas.front();
    for (const NodeId replica : line.replicas) {
      const auto rank = [&](NodeId node) {
        return std::tuple(line.leader != node, replicas_[node], node);
      };
      if (rank(replica) > rank(worst)) worst = replica;
    }
    return worst;
  }

  static bool has(const PlanLine& line, NodeId node) {
    return std::ranges::find(line.replicas, node) != line.replicas.end();
  }

  // --- leaders ---

  bool may_lead(const PlanLine& line, NodeId node) const {
    return has(line, node) && use(node) == NodeUse::usable;
  }

  void appoint(PlanLine& line, std::optional<NodeId> leader) {
    if (line.leader == leader) return;
    if (line.leader) --leads_[*line.leader];
    line.leader = leader;
    if (leader) ++leads_[*leader];
  }

  void place_leader(PlanLine& line) {
    if (line.pinned && may_lead(line, *line.pinned)) return appoint(line, line.pinned);
    if (line.leader && may_lead(line, *line.leader)) return;
    std::optional<NodeId> best;
    for (const NodeId replica : line.replicas) {
      if (may_lead(line, replica) && (!best || leads_[replica] < leads_[*best])) best = replica;
    }
    // Nobody who may: one that drains, or is away and may be back, leads on as it can.
    if (!best && line.leader && has(line, *line.leader)) return;
    appoint(line, best);
  }

  void balance() {
    for (std::uint32_t moved = 0; moved < wish_.moves_max; ++moved) {
      if (!move_one()) return;
    }
  }

  bool move_one() {
    PlanLine* line_to_move = nullptr;
    std::optional<NodeId> target;
    std::int64_t widest = 1;  // a difference of one is no reason
    for (PlanLine& line : lines_) {
      if (line.frozen || !line.leader) continue;
      if (line.pinned && may_lead(line, *line.pinned)) continue;
      for (const NodeId replica : line.replicas) {
        if (!may_lead(line, replica)) continue;
        const std::int64_t difference = leads_[*line.leader] - leads_[replica];
        if (difference <= widest) continue;
        widest = difference;
        line_to_move = &line;
        target = replica;
      }
    }
    if (line_to_move == nullptr) return false;
    appoint(*line_to_move, target);
    return true;
  }

  // One newcomer at a time: the next call takes the replica away that there is one too many of.
  void balance_replicas() {
    const bool under_way = std::ranges::any_of(lines_, [&](const PlanLine& line) {
      return !line.frozen && line.replicas.size() != wish_.copies;
    });
    if (under_way) return;
    for (PlanLine& line : lines_) {
      if (line.frozen || !could_give(line)) continue;
      add_best(line);
      return;
    }
  }

  // There is somebody who has two fewer than the one that would be taken away.
  bool could_give(const PlanLine& line) {
    const NodeId worst = most_loaded(line);
    if (line.leader == worst || wish_.zones > 1) return false;  // zones are not given up for this
    return std::ranges::any_of(nodes_, [&](const auto& each) {
      return each.second.use == NodeUse::usable && !has(line, each.first) &&
             replicas_[each.first] + 2 <= replicas_[worst];
    });
  }

  const PlacementWish wish_;
  std::vector<PlanLine> lines_;
  std::map<NodeId, PlacedNode> nodes_;
  std::map<NodeId, std::int64_t> replicas_, leads_;
};

}  // namespace

std::vector<PlanLine> place(const std::vector<PlacedNode>& nodes, const PlacementWish& wish,
                            std::vector<PlanLine> lines) {
  return Placing(nodes, wish, std::move(lines)).run();
}

}  // namespace perdure::control
