// engine/processor/leader.h
//
// What a replica does while it leads.  Everything here is derived: from the rows when it
// begins, from Changes afterwards; so when it dies nothing is lost but time.
//
//     live rows      ─► Handlers::start      (and stored, stop, as they change)
//     timer rows     ─► Timers
//     outbox rows    ─► Outbox
//     hours of expiry─► Expiry
//     who waits for an outcome waits here, by invocation, in memory
//
// A service that fails for good (its rows cannot be read) ends the leadership: broken()
// of the partition says why.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/processor/bounds.h"
#include "engine/processor/changes.h"
#include "engine/processor/expiry.h"
#include "engine/processor/outbox.h"
#include "engine/processor/reading.h"
#include "engine/processor/ticket.h"
#include "engine/processor/timers.h"
#include "engine/tables/scan.h"

namespace perdure::processor {

class Leader {
 public:
  struct Parts {
    io::World& world;
    PartitionId partition;
    tables::Store& store;
    Handlers& handlers;
    Outbound& outbound;
    Proposer& proposer;
    Reader& reader;
    Bounds bounds = {};
  };
  using Failed = std::function<void(const Error&)>;
  Leader(const Parts& parts, const tables::PartitionRow& row, Failed failed);
  ~Leader();  // end() came before

  void start();  // its fibers
  void follow(const Changes& changes);
  Result<InvocationStatus> await_completion(const wire::InvocationId&, Instant deadline);
  // Parks: whoever waits is told to go elsewhere, all fibers end.
  void end(const Error& why);

 private:
  using Waiting = Ticket<InvocationStatus>;

  void tell(const Change& change);
  void completed(const Completed& change);
  Result<void> derive();  // starts what the rows say is running
  Result<void> start_running(const tables::Scan::Rows& rows);
  void guard(std::string_view name, std::function<Result<void>()> service);

  io::World& world_;
  const PartitionId partition_;
  tables::Store& store_;
  Handlers& handlers_;
  Reader& reader_;
  const Bounds bounds_;
  const Failed failed_;
  io::Group fibers_;
  Timers timers_;
  Outbox outbox_;
  Expiry expiry_;
  std::multimap<wire::InvocationId, Waiting*> waiting_;
  std::optional<std::set<wire::InvocationId>> touched_;  // while deriving: rows not as scanned
};

}  // namespace perdure::processor
