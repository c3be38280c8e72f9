// engine/invoker/invoker.h
//
// Runs handlers for the partitions that this shard leads: one attempt at a time each,
// over HTTP, in the service protocol.  The tables say who should run; the invoker keeps
// nothing that a new leader could not derive.
//
//     processor ── start(id) ───────►│          │──── HTTP ────► handler
//               ── stored(id, …) ───►│ Invoker  │◄─── commands ──────┘
//               ── applied(id) ─────►│          │
//               ── stop(id) ────────►│          │──── Journal::propose ───► the log
//
// The contract with who calls it (on one shard, from any fiber, nothing parks):
//
//   start     it should run.  Again while it does: nothing happens.
//   stored    its journal grew: the frames, commands and notifications alike, exactly as
//             appended, and the number of the first.  Only for what start() was called for.
//   applied   a record that Journal::propose() took has been read back and applied,
//             whether it had an effect or was refused.  Once for each, in order, after
//             stored() and stop() of the same record.
//   stop      it should not run now: ended, suspended, paused, killed.  What it says
//             from here on is not heard; what it proposed before may still be applied.
//   drop_partition   this node leads it no longer, or it is going away.
//
//     a new attempt begins only when everything the last one proposed is applied (law 7)
//     in flight <= attempts_max; at bytes_max nothing begins, what runs goes on
//
// After a Suspend was applied without a stop(), what the handler waits for was there
// already, and the next attempt begins by itself.
//
// Waiting invocations (for a slot, a retry, their proposals) are a row in memory each,
// without a fiber; with nothing to do nothing runs here.  Slots are given first come,
// first served over all partitions.  When there is none left, handlers that have been
// silent are asked to suspend: callers must not starve those they wait for.
//
// Not here: request identity (signed requests), serverless targets.
// Read next: attempt.cpp, conversation.h.  Protocol: engine/wire/service_protocol.h.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/invoker/attempt.h"
#include "engine/invoker/live.h"
#include "engine/invoker/needs.h"
#include "engine/invoker/options.h"
#include "engine/io/fibers.h"
#include "engine/io/world.h"

namespace perdure::invoker {

// What people may ask of an invocation that should run; as in sys_invocation_state.
struct InvocationState {
  wire::InvocationId id;
  PartitionId partition;
  bool in_flight = false;
  std::uint32_t attempts = 0;  // since this node leads; the first one counts
  std::uint32_t failures = 0;  // since its last stored command
  WallTime last_start;         // of an attempt; the epoch: none yet
  std::optional<WallTime> next_retry;
  std::optional<AttemptFailure> last_failure;
  std::optional<wire::DeploymentId> last_deployment;
  std::string last_server;
};

class Invoker {
 public:
  Invoker(io::World&, Options, Journal&, Schemas&);
  ~Invoker();  // shut_down() came before
  Invoker(const Invoker&) = delete;
  Invoker& operator=(const Invoker&) = delete;

  void start(PartitionId, const wire::InvocationId&);
  void stored(const wire::InvocationId&, std::uint32_t index, std::string_view frames);
  void applied(const wire::InvocationId&);
  void stop(const wire::InvocationId&);
  void drop_partition(PartitionId);

  // A person does not want to wait for the next retry.  False: it waits for none.
  bool retry_now(const wire::InvocationId&);

  // Ends all attempts and waits for their fibers.  Nothing starts afterwards.
  void shut_down();

  std::optional<InvocationState> find(const wire::InvocationId&) const;
  // Of one partition, in order of ids, from `after` on (not included).
  std::vector<InvocationState> list(PartitionId, std::optional<wire::InvocationId> after,
                                    std::size_t limit) const;
  std::size_t in_flight() const { return in_flight_; }
  std::size_t queued() const { return queue_.size(); }
  std::uint64_t bytes_held() const { return shared_.bytes_held; }

  void check_invariants() const;  // walks

 private:
  using Lives = std::map<wire::InvocationId, Live>;

  Live* find_live(const wire::InvocationId&);
  void enqueue(Live&);
  void begin_queued();
  void begin(Live&);
  void run(const wire::InvocationId&, std::uint64_t token);
  void settle(Live&, const AttemptEnd&);
  void settled(Live&);
  void take_off(Live&);
  void wait_until(Live&, Instant);
  void erase(Live&);
  bool has_slot() const;
  bool starved() const { return !queue_.empty() && in_flight_ >= options_.attempts_max; }

  void watch();
  void ask_idle_to_suspend();
  void ensure_watch();

  io::World& world_;
  const Options options_;
  Shared shared_;
  Lives live_;
  std::deque<wire::InvocationId> queue_;  // some of whom may have left it
  std::set<std::pair<Instant, wire::InvocationId>> retries_;
  std::size_t in_flight_ = 0;
  std::uint64_t tokens_ = 0;
  bool watching_ = false;
  io::Event watched_;  // retries_ or queue_ changed
  io::Group fibers_;
};

}  // namespace perdure::invoker
