#include "engine/log/repair.h"

#include <algorithm>

namespace perdure::log {
namespace {

// Offsets of which the same nodes hold a copy.
struct Stretch {
  Offset first, last;
  Nodes holders;
};

std::vector<Digest> of_members(const std::vector<Member>& nodeset,
                               const std::vector<Digest>& digests) {
  std::vector<Digest> known;
  for (const Member& member : nodeset) {  // in order of preference
    const auto found = std::ranges::find(digests, member.node, &Digest::node);
    if (found != digests.end()) known.push_back(*found);
  }
  return known;
}

// Where any node begins or ceases to hold, within [first, last], ascending.
std::vector<Offset> borders(const std::vector<Digest>& digests, Offset first, Offset last) {
  std::vector<Offset> at = {first, last.next()};
  for (const Digest& digest : digests) {
    for (const IntervalSet::Interval& run : digest.held.intervals()) {
      at.emplace_back(run.first);
      at.emplace_back(run.last + 1);
    }
  }
  std::erase_if(at, [&](Offset offset) { return offset < first || offset > last.next(); });
  std::ranges::sort(at);
  const auto repeated = std::ranges::unique(at);
  at.erase(repeated.begin(), repeated.end());
  return at;
}

std::vector<Stretch> stretches(const std::vector<Digest>& digests, Offset first, Offset last) {
  std::vector<Stretch> found;
  if (first > last) return found;
  const std::vector<Offset> at = borders(digests, first, last);
  for (std::size_t i = 0; i + 1 < at.size(); ++i) {
    Stretch stretch{.first = at[i], .last = at[i + 1].prev(), .holders = {}};
    for (const Digest& digest : digests) {
      if (digest.held.contains(stretch.first.raw())) stretch.holders.push_back(digest.node);
    }
    found.push_back(std::move(stretch));
  }
  return found;
}

Offset trimmed_by_any(const std::vector<Digest>& digests) {
  Offset point;
  for (const Digest& digest : digests) point = std::max(point, digest.trim_point);
  return point;
}

}  // namespace

RepairDecision plan_repair(const std::vector<Member>& nodeset, Replication replication,
                           const std::vector<Digest>& digests, RepairRange range,
                           const Placement& lasting) {
  const std::vector<Digest> known = of_members(nodeset, digests);
  Nodes answered, believed, writable;
  for (const Digest& digest : known) {
    answered.push_back(digest.node);
    if (digest.authoritative) believed.push_back(digest.node);
    if (digest.writable) writable.push_back(digest.node);
  }
  if (!is_f_majority(nodeset, replication, believed)) return MoreDigests();
  const auto holds = [&](const Nodes& nodes) {
    return is_write_quorum(lasting.nodeset, lasting.replication, nodes);
  };
  if (!holds(answered)) return MoreDigests();

  const auto on_quorum = [&](const Stretch& s) { return holds(s.holders); };
  Offset first = std::max(range.first, trimmed_by_any(known).next());
  std::vector<Stretch> parts = stretches(known, first, range.last);
  if (range.aim == Aim::tail) {
    const auto highest = std::find_if(parts.rbegin(), parts.rend(), on_quorum);
    if (highest != parts.rend()) first = highest->last.next();
    parts.erase(parts.begin(), highest.base());
  }

  RepairPlan plan{.committed = first.prev(), .orders = {}};
  for (const Stretch& part : parts) {
    if (on_quorum(part)) continue;
    if (part.holders.empty()) return Stuck{part.first};
    // Holders before others, so that as few as possible are written to.
    std::vector<Member> by_use = lasting.nodeset;
    std::ranges::stable_partition(by_use, [&](const Member& member) {
      return std::ranges::find(part.holders, member.node) != part.holders.end();
    });
    Nodes usable = part.holders;
    usable.insert(usable.end(), writable.begin(), writable.end());
    Nodes to = choose_copyset(by_use, lasting.replication, usable);
    if (to.empty()) return MoreDigests();
    std::erase_if(to, [&](NodeId node) {
      return std::ranges::find(part.holders, node) != part.holders.end();
    });
    plan.orders.push_back(
        {.first = part.first, .last = part.last, .from = part.holders, .to = std::move(to)});
  }
  return plan;
}

}  // namespace perdure::log
