// engine/invoker/needs.h
//
// What the invoker needs of the node, in its own words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/wire/command.h"
#include "engine/wire/schema.h"

namespace perdure::invoker {

// All that an attempt begins with.
struct Replay {
  wire::Target target;
  std::string frames;                 // the journal as it is stored: frame after frame, Input first
  std::uint32_t entries = 0;          // how many frames that is
  std::vector<wire::KeyValue> state;  // of the target's key; empty for services
  bool state_is_partial = true;       // false: `state` is all there is
  std::optional<wire::DeploymentId> deployment;  // pinned; absent: nothing stored yet
  std::uint32_t protocol_version = 0;            // pinned with it
  std::uint64_t random_seed = 0;
  std::optional<std::string> idempotency_key;
  std::string traceparent;  // empty: not traced
};

class Journal {
 public:
  virtual ~Journal() = default;

  // The invocation as it is stored, with state of the key up to so many bytes (0: none).
  // May park.  What is stored while it parks is told by Invoker::stored() and may be in
  // the answer too: entries are numbered, so neither is lost or heard twice.
  // Errors: not_found (no longer runs here: the attempt ends), retry_later, fenced,
  // cancelled, others (the attempt fails and is tried again).
  virtual Result<Replay> read(const wire::InvocationId&, std::uint64_t state_bytes_max) = 0;

  // Proposes one record of these commands as the partition's leader.  Never parks.  Takes
  // them only when it succeeds.  Proposals of one invocation are appended in order; each
  // is answered by one Invoker::applied().
  // Errors: retry_later (full: the same again after a pause), fenced (leads no longer).
  virtual Result<void> propose(const wire::InvocationId&, std::vector<wire::Command>&&) = 0;
};

class Schemas {
 public:
  virtual ~Schemas() = default;
  // The latest this node has seen; valid until the caller parks.
  virtual const wire::Schema& current() = 0;
};

}  // namespace perdure::invoker
