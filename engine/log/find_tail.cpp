#include "engine/log/find_tail.h"

#include <algorithm>

namespace perdure::log {
namespace {

struct Seen {
  Nodes all;                            // who answered
  Nodes believed, believed_and_sealed;  // with authority
  bool any_sealed = false;
  Offset highest, highest_sealed;  // held
  Offset committed;                // known
};

bool is_member(const std::vector<Member>& nodeset, NodeId node) {
  return std::ranges::find(nodeset, node, &Member::node) != nodeset.end();
}

Seen look(const std::vector<Member>& nodeset, const std::vector<TailAnswer>& answers) {
  Seen seen;
  for (const TailAnswer& answer : answers) {
    if (!is_member(nodeset, answer.node)) continue;
    seen.all.push_back(answer.node);
    seen.highest = std::max(seen.highest, answer.last);
    seen.committed = std::max(seen.committed, answer.known_committed);
    if (answer.authoritative) seen.believed.push_back(answer.node);
    if (!answer.sealed) continue;
    seen.any_sealed = true;
    if (answer.authoritative) seen.believed_and_sealed.push_back(answer.node);
    seen.highest_sealed = std::max(seen.highest_sealed, answer.last);
  }
  return seen;
}

Nodes holders_of(const std::vector<TailAnswer>& answers, Offset last) {
  Nodes holders;
  for (const TailAnswer& answer : answers) {
    if (answer.last >= last) holders.push_back(answer.node);
  }
  return holders;
}

}  // namespace

TailDecision find_tail(const std::vector<Member>& nodeset, Replication replication,
                       const std::vector<TailAnswer>& answers, const Placement& lasting) {
  const Seen seen = look(nodeset, answers);
  const auto write_quorum = [&](const Nodes& nodes) {
    return is_write_quorum(lasting.nodeset, lasting.replication, nodes);
  };
  const auto f_majority = [&](const Nodes& nodes) {
    return is_f_majority(nodeset, replication, nodes);
  };

  if (f_majority(seen.believed_and_sealed)) {
    const Offset last = seen.highest_sealed;
    if (last < seen.committed) return AskMore();  // another's repair overtook these answers
    if (last == seen.committed || write_quorum(holders_of(answers, last))) {
      return SealedAt{last};
    }
    if (write_quorum(seen.all)) return Repair{.first = seen.committed.next(), .last = last};
    return AskMore();
  }
  if (seen.any_sealed) return SealFirst();
  if (!f_majority(seen.believed)) return AskMore();
  if (write_quorum(holders_of(answers, seen.highest))) return OpenAt{seen.highest};
  if (seen.committed >= seen.highest) return OpenAt{seen.committed};
  return AskMore();
}

}  // namespace perdure::log
