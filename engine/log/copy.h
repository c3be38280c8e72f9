// engine/log/copy.h
//
// What one node knows of its copy of one loglet, and what it takes into it: as a value.
//
//     offset     1   2   3   4   5   6   7   8
//                gone|   held    |  -  |held      - is a hole: its copies went elsewhere
//                ^ trim point      ^       ^ staged
//                                  committed (that it was told of)
//
// A record is taken when the node has the one before it, or knows that the one before it is
// committed.  So every hole lies at or below a committed offset, and "I hold up to 8" means
// all of what is not committed up to 8: find-tail stands on that.
//
//     takes                          from its writer      from a repairer
//     while open                     in order             in order
//     once sealed, or sealing        never                in order
//     under another writer's name    never                does not matter
//     what a later loglet replaced   never                in order
//
// A repairer's records are taken by sealed copies because that is when they are needed, and
// by unsealed ones because a seal needs an f-majority only, a repair a write quorum
// (restate #2682).
//
// A repairer's "committed" lets a record in, and is then forgotten: another may end the
// loglet before it (find_tail.h), and readers believe what a copy says is committed.  Who
// has taken a repair is done with its writer, since repairs begin when the writer is shut out.
// So a repair seals, durably: a copy that was dropped with its seal must not come back without
// one.
//
// Replaced: a loglet that was sealed empty is dropped, seal and all.  Its writer may be
// asleep and wake up; so who knows a later loglet of the same log takes nothing for one that
// it does not know (loglet_store.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/log/chain.h"

namespace perdure::log {

struct Writer {
  NodeId node;
  Incarnation incarnation;
  friend bool operator==(const Writer&, const Writer&) = default;
};

struct Copy {
  Offset trim_point;             // the last that is gone
  Offset staged;                 // the last that was taken, durable or not
  Offset committed;              // as far as its writer told this node; >= trim_point
  bool sealed = false;           // takes no more, durably or not yet; or was repaired
  bool replaced = false;         // unknown here, and a later loglet is known
  std::optional<Writer> writer;  // the first who wrote
  friend bool operator==(const Copy&, const Copy&) = default;
};

struct Offer {
  Writer writer;       // or repairer
  Offset first, last;  // last < first: no records, only what is committed
  Offset committed;    // as far as the writer knows
  bool repair = false;
};

enum class Verdict {
  take,
  sealed,     // and will not change
  stranger,   // somebody else writes here
  gap,        // ask for what follows `staged` first
  malformed,  // no writer of ours says that
};
std::string_view name_of(Verdict verdict);

Verdict judge(const Copy& copy, const Offer& offer);

}  // namespace perdure::log
