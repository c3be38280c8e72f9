#include "engine/control/plan.h"

#include <algorithm>
#include <iterator>

namespace perdure::control {

Plan doable(const Plan& before, Plan next, const CaughtUp& caught_up) {
  for (PlanLine& line : next.lines) {
    const auto found =
        std::ranges::lower_bound(before.lines, line.partition, {}, &PlanLine::partition);
    if (found == before.lines.end() || found->partition != line.partition) continue;
    const PlanLine& old = *found;
    if (!old.leader) continue;
    const bool some_go = !std::ranges::includes(line.replicas, old.replicas);
    const bool other_leads = line.leader && line.leader != old.leader;
    if (!some_go && !other_leads) continue;
    const bool may = line.leader && caught_up(line.partition, *line.leader, *old.leader);
    if (may && !(some_go && other_leads)) continue;
    std::vector<NodeId> all;
    std::ranges::set_union(line.replicas, old.replicas, std::back_inserter(all));
    line.replicas = std::move(all);
    if (!may) line.leader = old.leader;
  }
  return next;
}

std::string epoch_key(PartitionId partition) { return "epoch/" + std::to_string(partition.raw()); }

}  // namespace perdure::control
