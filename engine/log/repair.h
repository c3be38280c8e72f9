// engine/log/repair.h
//
// Which records must be copied where, so that what may have been committed surely is: as
// a value.  Whoever asks has the digests, which say what each node holds of a range.
//
//     digests     offset   5   6   7   8       2 copies of 3
//                 n1       x   x   .   .
//                 n2       x   .   x   x       6 is on one: it may be on n3 too, and its
//                 n3       (no answer)         writer may have been told; so may 7 and 8
//
//     plan        6: n1 -> n2    7..8: n2 -> n1     oldest first
//
// For a tail (Aim::tail): all at and below the highest offset that a write quorum holds is
// committed already, since a node takes an offset only when it has the one before or knows
// that it is committed; so the plan begins behind it.  For a scrub (Aim::copies) every
// record of the range must be on a write quorum, whatever lies above it.
//
// Never a hole: an offset of which no answer knows a copy stops the plan (Stuck).  Who is
// not here may have it, and to skip it would be to invent that it was never written.
//
// Two who repair at once converge: both copy the same bytes to the same offsets, and a node
// that has them already says so.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "engine/base/interval_set.h"
#include "engine/log/quorum.h"

namespace perdure::log {

struct Digest {
  NodeId node;
  Offset trim_point;  // the last that is gone; whatever is trimmed was committed
  IntervalSet held;   // offsets, durably
  bool authoritative = true;
  bool writable = true;  // takes repairs
};

enum class Aim { tail, copies };

struct CopyOrder {  // "give [first, last] to each of `to`; each of `from` has them"
  Offset first, last;
  Nodes from, to;
  friend bool operator==(const CopyOrder&, const CopyOrder&) = default;
};

struct MoreDigests {};  // these nodes are too few to say, or to copy to
struct Stuck {
  Offset at;  // nobody who answered holds it
};
struct RepairPlan {
  Offset committed;               // all up to here needs no repair
  std::vector<CopyOrder> orders;  // by offset; empty: nothing to do
};
using RepairDecision = std::variant<MoreDigests, Stuck, RepairPlan>;

struct RepairRange {
  Offset first, last;  // both included
  Aim aim = Aim::tail;
};

// At most one digest of each node; those of strangers are ignored.  Copies go to a write
// quorum of `lasting` (quorum.h).
RepairDecision plan_repair(const std::vector<Member>& nodeset, Replication replication,
                           const std::vector<Digest>& digests, RepairRange range,
                           const Placement& lasting);
// Nobody is gone.
inline RepairDecision plan_repair(const std::vector<Member>& nodeset, Replication replication,
                                  const std::vector<Digest>& digests, RepairRange range) {
  return plan_repair(nodeset, replication, digests, range, {nodeset, replication});
}

}  // namespace perdure::log
