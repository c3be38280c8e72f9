// engine/processor/proposer.h
//
// How the services of a leader (timers, outbox, expiry) get their records into the log.
#pragma once

#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/io/fibers.h"
#include "engine/wire/command.h"

namespace perdure::processor {

class Proposer {
 public:
  virtual ~Proposer() = default;
  // One record of these, as the leader's own.  Never parks.  Errors: retry_later: the
  // log is busy, try after a pause; fenced: leads no longer.
  virtual Result<Lsn> propose(std::vector<wire::Command>&&) = 0;
  // Parks.  Errors: fenced, timed_out, cancelled.
  virtual Result<void> wait_applied(Lsn, Instant deadline = io::never) = 0;
};

}  // namespace perdure::processor
