// The operator's acts on the metadata group, as its leader does them.
#include <algorithm>

#include "engine/control/raft_metadata.h"

namespace perdure::control {
namespace {

// A newcomer that lacks no more than this is one of us at once: what comes meanwhile is
// small, and its vote may be needed (T4.2.1).
constexpr std::uint64_t lag_entries_max = 8;
constexpr Duration look_again = std::chrono::milliseconds(50);

}  // namespace

Result<void> RaftMetadata::lead_act(const ActWords& wanted, Instant deadline) {
  if (failure_) return std::unexpected(*failure_);
  if (!leads()) return not_the_leader(raft_.leader());
  switch (wanted.act) {
    case GroupAct::add: return add(wanted.node, deadline);
    case GroupAct::remove: return remove(wanted.node, deadline);
    case GroupAct::transfer: return transfer(wanted.node, deadline);
  }
  return fail(Code::invalid, "an act of a kind that is not known here");
}

// First a learner: a voter without the log would leave the group without a majority for as
// long as it catches up.
Result<void> RaftMetadata::add(NodeId node, Instant deadline) {
  if (raft_.configuration().is_voter(node)) return {};
  if (!raft_.configuration().is_member(node)) {
    raft::Configuration next = raft_.configuration();
    next.learners.push_back(node);
    TRY_VOID(change(std::move(next), deadline));
  }
  const Term term = raft_.term();
  while (raft_.match_of(node).raw() + lag_entries_max < raft_.commit().raw() ||
         raft_.match_of(node) == Index(0)) {
    if (!leads() || raft_.term() != term) return not_the_leader(raft_.leader());
    if (needs_.fibers.now() >= deadline) {
      return fail(Code::timed_out, "the new member has not caught up; it stays a learner");
    }
    const Result<void> looked = changed_.wait(std::min(deadline, needs_.fibers.now() + look_again));
    if (!looked && looked.error().code == Code::cancelled) return looked;
    if (failure_) return std::unexpected(*failure_);
  }
  raft::Configuration next = raft_.configuration();
  std::erase(next.learners, node);
  if (!next.is_voter(node)) next.voters.push_back(node);
  return change(std::move(next), deadline);
}

Result<void> RaftMetadata::remove(NodeId node, Instant deadline) {
  if (!raft_.configuration().is_member(node)) return {};
  raft::Configuration next = raft_.configuration();
  std::erase(next.learners, node);
  std::erase(next.voters, node);
  return change(std::move(next), deadline);
}

Result<void> RaftMetadata::transfer(NodeId node, Instant deadline) {
  TRY_VOID(raft_.transfer(node));
  if (node == options_.self) return {};
  const Term term = raft_.term();
  touch();
  while (raft_.term() == term) {
    if (failure_) return std::unexpected(*failure_);
    TRY_VOID(changed_.wait(deadline));
  }
  return {};
}

Result<void> RaftMetadata::change(raft::Configuration next, Instant deadline) {
  const Term term = raft_.term();
  TRY(index, raft_.change(std::move(next)));
  touch();
  return wait_applied(index, term, deadline);
}

}  // namespace perdure::control
