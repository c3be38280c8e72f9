// engine/control/metadata.h
//
// What the whole cluster must agree on, and what changes rarely: whole objects under
// keys, each with a version, changed only by compare-and-set.
//
//     key                 object
//     "nodes"             nodes configuration
//     "chains"            the chain of loglets of every log
//     "partitions"        partition table
//     "epoch/7"           who may lead partition 7
//     "schema"            wire::Schema
//
//     version of a key that never was written: 0;  each write: + 1
//
// Promised   A proposal happens entirely or not at all, and only when every version in
//            it is the expected one.  What get() returned is never taken back.  The same
//            proposal id submitted again is answered ok when it has happened, however
//            long the reply was lost: so a lost reply is never mistaken for somebody
//            else's write.  (Ids are kept for the last `proposals_kept` proposals.)
// Allowed    timed_out and failed mean that nobody knows whether it happened.
// Not here   what the objects mean.
//
// Implementations: raft_metadata.h, a member of the group that holds it, of one or of more;
// metadata_client.h, everybody else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/wire/ids.h"

namespace perdure::control {

struct Versioned {
  std::uint64_t version = 0;  // 0: never written
  std::string value;
  friend bool operator==(const Versioned&, const Versioned&) = default;
};

struct Write {
  std::string key;
  std::uint64_t expected = 0;  // version that the key has now
  std::string value;
};

struct Proposal {
  wire::Uuid id;              // drawn by whoever proposes; the same when it is repeated
  std::vector<Write> writes;  // different keys
};

inline constexpr std::size_t proposals_kept = 256;

class Metadata {
 public:
  virtual ~Metadata() = default;
  // May park.  Errors: timed_out, cancelled, retry_later.
  virtual Result<Versioned> get(std::string_view key, Instant deadline) = 0;
  // Parks until it is durable.  Errors: conflict (somebody was faster: read again),
  // invalid (too large, a key twice), full, retry_later, timed_out, cancelled, failed.
  virtual Result<void> compare_and_set(Proposal, Instant deadline) = 0;
  // Parks until the key's version is above `seen`.  Errors: timed_out, cancelled, failed.
  virtual Result<Versioned> wait_newer(std::string_view key, std::uint64_t seen,
                                       Instant deadline) = 0;
};

}  // namespace perdure::control
