// engine/invoker/live.h
//
// What the leader knows of an invocation that should run, beyond the tables.
//
//             start()                slot free
//     (none) ────────► queued ─────────────────► running ── handler ends ──► settling
//                        ▲                          │          or fails          │
//                        │                          └──────── stop() ───────────►│
//                        ├───── wanted, due ◄──────── everything proposed is back ┤
//                        └── waiting ◄─ wanted, later ──────┘      not wanted: (none)
//
//     a new attempt begins only when outstanding = 0      (design, law 7)
//     attempt != null  only while running
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/invoker/failure.h"
#include "engine/invoker/retry.h"
#include "engine/wire/ids.h"

namespace perdure::invoker {

class Attempt;

enum class Phase : std::uint8_t { queued, running, settling, waiting };

struct Live {
  PartitionId partition;
  wire::InvocationId id;
  RetryState retry;

  Phase phase = Phase::queued;
  bool wanted = true;
  std::uint64_t token = 0;          // of the attempt that counts; grows with each
  std::uint32_t outstanding = 0;    // proposals that have not come back
  std::uint32_t entries_known = 0;  // of its journal: a replay that is shorter is stale
  Attempt* attempt = nullptr;
  std::optional<Instant> retry_at;

  // For people.
  std::uint32_t attempts = 0;  // begun since this node leads
  WallTime last_start;
  std::optional<WallTime> next_retry;
  std::optional<AttemptFailure> last_failure;
  std::optional<wire::DeploymentId> last_deployment;
  std::string last_server;  // x-restate-server of its answer
};

}  // namespace perdure::invoker
