// engine/log/chain.h
//
// The chain of one log: which loglets it is made of, as a value.  It lives in the metadata
// store and changes only by compare-and-set, one of the operations below at a time.
//
//     Lsn        1 ........ 400 | 401 ....... 913 | 914 ...
//     loglet     [ 3: sealed   ] [ 7: sealed     ] [ 9: open
//     base       1               401               914
//                   ^ trim point
//
//     base of the next  ==  tail of the one before          no gap, no overlap
//     lsn  ==  base + (offset - 1)                           offsets begin at 1
//     only the last may be open; `sealed_tail` says durably that even it is not
//
// The seal marker is what makes "sealed, and not extended yet" a fact that anybody can
// read, instead of an answer that a quorum has to give again.
//
// A sequencer dies with its node's incarnation, so after a restart the last loglet is
// sealed and another added, by whoever wants to write.  A loglet that was sealed empty is
// replaced, so restarts alone do not lengthen the chain.
//
// Paper: Balakrishnan et al., "Virtual Consensus in Delos", OSDI 2020.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/log/quorum.h"
#include "engine/wire/codec.h"

namespace perdure::log {

using Incarnation = Number<struct IncarnationTag, Shape::counter>;  // of a node's process

struct Loglet {
  LogletId id;
  Lsn base;  // of its offset 1
  std::vector<Member> nodeset;
  Replication replication;
  NodeId sequencer;         // the only node that may write,
  Incarnation incarnation;  // and only in this life of it
  static constexpr auto fields =
      std::tuple(wire::field(1, "id", &Loglet::id), wire::field(2, "base", &Loglet::base),
                 wire::field(3, "nodeset", &Loglet::nodeset),
                 wire::field(4, "replication", &Loglet::replication),
                 wire::field(5, "sequencer", &Loglet::sequencer),
                 wire::field(6, "incarnation", &Loglet::incarnation));
  friend bool operator==(const Loglet&, const Loglet&) = default;
};

struct Chain {
  std::vector<Loglet> loglets;  // oldest first
  Lsn trim_point;               // the last that is gone; may lag behind the loglets' own
  Lsn sealed_tail;              // of the last loglet, when it is sealed; 0: it is open
  static constexpr auto fields = std::tuple(wire::field(1, "loglets", &Chain::loglets),
                                            wire::field(2, "trim_point", &Chain::trim_point),
                                            wire::field(3, "sealed_tail", &Chain::sealed_tail));
  friend bool operator==(const Chain&, const Chain&) = default;
};

// Each returns the new chain, or `conflict` when the old one is not what the caller took
// it for: then he reads again and decides again.

// A log's first loglet.  `conflict` when it has one already.
Result<Chain> begun(Chain chain, Loglet first);
// The last loglet, which is `expected`, ends before `tail`.  Fine when it says so already.
Result<Chain> sealed(Chain chain, LogletId expected, Lsn tail);
// Adds `next`; its base is the tail of the last loglet, which is `expected` and sealed.
Result<Chain> extended(Chain chain, LogletId expected, Loglet next);
// Records up to `point` are gone; loglets that hold nothing else go too, never the last.
Result<Chain> trimmed(Chain chain, Lsn point);

// Where a record is.  Nothing before the first base, nor in an empty chain.
struct Spot {
  std::size_t loglet = 0;  // its place in the chain
  Offset offset;
};
std::optional<Spot> spot_of(const Chain& chain, Lsn lsn);
Lsn lsn_of(const Loglet& loglet, Offset offset);
// The tail of the loglet at that place, 0 while it is open.
Lsn tail_of(const Chain& chain, std::size_t loglet);

// The n-th loglet that a partition ever had, n from 1.
LogletId loglet_id(PartitionId partition, std::uint32_t n);
PartitionId partition_of(LogletId loglet);
LogletId next_loglet_id(PartitionId partition, const Chain& chain);

// What came from outside may be anything.  Error: corrupt.
Result<void> check_chain(const Chain& chain);

}  // namespace perdure::log
