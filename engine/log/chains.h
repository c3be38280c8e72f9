// engine/log/chains.h
//
// What engine/log needs of the metadata store: the chains, versioned.  engine/control
// fills it in.
//
// Promised   swap() changes all of its chains or none.  A version is given once.
// Allowed    `failed` and `timed_out` of a swap mean that nobody knows: it may have
//            happened, or may yet.  Read again: a chain names its sequencer's incarnation,
//            so one's own success is recognised.
// Not here   what a chain may change into: chain.h.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/log/chain.h"

namespace perdure::log {

struct VersionedChain {
  std::uint64_t version = 0;  // 0: there is none yet, and `chain` is empty
  Chain chain;
};

struct ChainChange {
  PartitionId partition;
  std::uint64_t expected_version = 0;
  Chain chain;
};

class Chains {
 public:
  virtual ~Chains() = default;
  // In the order asked; linearizable.  Parks.
  virtual Result<std::vector<VersionedChain>> read(const std::vector<PartitionId>& partitions) = 0;
  // The new versions, in the order given.  Parks.  Error: conflict, when any of them is
  // not at the version expected.
  virtual Result<std::vector<std::uint64_t>> swap(const std::vector<ChainChange>& changes) = 0;
  // Parks until its version is above `seen`.  Errors: timed_out, cancelled, failed.
  virtual Result<VersionedChain> wait_newer(PartitionId partition, std::uint64_t seen,
                                            Instant deadline) = 0;
};

}  // namespace perdure::log
