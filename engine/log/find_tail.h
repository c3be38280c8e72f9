// engine/log/find_tail.h
//
// Where does a loglet end?  The question of whoever wants to seal it, asked of its nodes
// and decided here, as a value: answers go in as they arrive, a decision comes out.
//
//     answers     node    last held   sealed   knew committed
//                 n1          7         yes          5
//                 n2          6         yes          6          ──► decision
//                 n3          -          (no answer yet)
//
// M is the highest offset that a sealed node holds.  Sealed nodes take no more, so when
// they are an f-majority nothing beyond M can ever be committed:
//
//     M < what some node knew committed    another repairs at this moment: ask again
//     M is known committed, or on a write quorum          SealedAt(M)
//     else, with a write quorum answering                 Repair(committed + 1 .. M) first
//     sealed, but no f-majority                           Seal the others, ask again
//
// A node that lost its disk (not authoritative) counts for what it holds and for what it
// knows, never for what it lacks: f-majorities are of the others (quorum.h).
//
// What is promised to all who ask, in any order:
//   - no answer is lower than a committed offset, or a tail, that was told before;
//   - after SealedAt(M) no writer is ever told that something beyond M is committed.
//
// Not promised: that two who ask different nodes come to the same M.  A record beyond what
// was ever committed may lie on a node that one of them met and the other did not; either
// is a right end.  So SealedAt is a proposal, until the chain says it (chain.h): whoever
// sees the chain sealed otherwise takes that.  And what a repair has copied is not
// committed by lying on a write quorum: only a writer, or the chain, may say that.
//
// On a nodeset of one with one copy this is: sealed at what the node holds.
#pragma once

#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/log/quorum.h"

namespace perdure::log {

struct TailAnswer {
  NodeId node;
  Offset last;             // the highest it holds; what lies below it has no hole above
  Offset known_committed;  // that a writer has told it
  bool sealed = false;
  bool authoritative = true;  // "nothing here" is to be believed
};

struct AskMore {};    // these answers do not say; wait for others, or for a change
struct SealFirst {};  // somebody is sealing: help, then ask again
struct SealedAt {
  Offset last;
};
struct OpenAt {
  Offset last;
};  // committed at least; a writer may be going on
struct Repair {
  Offset first, last;
};  // copy these to a write quorum, oldest first, ask again

using TailDecision = std::variant<AskMore, SealFirst, SealedAt, OpenAt, Repair>;

// At most one answer of each node; answers of strangers are ignored.  The nodeset is an
// effective one: without nodes that are disabled.  Copies are wanted on a write quorum of
// `lasting` (quorum.h): who is gone for good will never hold one.
TailDecision find_tail(const std::vector<Member>& nodeset, Replication replication,
                       const std::vector<TailAnswer>& answers, const Placement& lasting);
// Nobody is gone.
inline TailDecision find_tail(const std::vector<Member>& nodeset, Replication replication,
                              const std::vector<TailAnswer>& answers) {
  return find_tail(nodeset, replication, answers, {nodeset, replication});
}

}  // namespace perdure::log
