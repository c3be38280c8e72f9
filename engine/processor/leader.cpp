#include "engine/processor/leader.h"

#include "engine/base/match.h"
#include "engine/io/clock.h"
#include "engine/io/trace.h"
#include "engine/tables/lock.h"

namespace perdure::processor {
namespace {

constexpr Duration busy_pause = std::chrono::milliseconds(10);

}  // namespace

Leader::Leader(const Parts& parts, const tables::PartitionRow& row, Failed failed)
    : world_(parts.world),
      partition_(parts.partition),
      store_(parts.store),
      handlers_(parts.handlers),
      reader_(parts.reader),
      bounds_(parts.bounds),
      failed_(std::move(failed)),
      fibers_(parts.world.fibers),
      timers_(parts.world, parts.store, parts.proposer, bounds_),
      outbox_(parts.world, parts.store, parts.proposer, parts.outbound, parts.partition,
              row.outbox_head, row.outbox_next, bounds_),
      expiry_(parts.world, parts.store, parts.proposer, bounds_) {}

Leader::~Leader() { CHECK(fibers_.size() == 0); }

void Leader::start() {
  guard("derive", [this] { return derive(); });
  guard("timers", [this] { return timers_.run(); });
  guard("outbox", [this] { return outbox_.run(fibers_); });
  guard("expiry", [this] { return expiry_.run(); });
}

// A service ends when it is cancelled, when the leadership is over, or because it cannot
// go on; the last is the end of the leadership.
void Leader::guard(std::string_view name, std::function<Result<void>()> service) {
  fibers_.start(name, [this, service = std::move(service)] {
    const auto ended = service();
    if (ended || ended.error().code == Code::cancelled || ended.error().code == Code::fenced)
      return;
    failed_(ended.error());
  });
}

// What is running by the rows; what changes meanwhile is told by follow(), and being
// started twice does not matter.
Result<void> Leader::derive() {
  const tables::KeyRange all = tables::all_of(tables::Kind::live);
  std::string from = all.from;
  while (true) {
    touched_.emplace();
    auto scan = store_.scan(from, all.to);
    if (!scan && scan.error().code != Code::retry_later) return std::unexpected(scan.error());
    while (scan) {
      auto rows = (*scan)->next(bounds_.scan_bytes);
      if (!rows && rows.error().code != Code::retry_later) return std::unexpected(rows.error());
      if (!rows) break;
      if (rows->empty()) return touched_.reset(), Result<void>();
      TRY_VOID(start_running(*rows));
      from = rows->back().first + '\0';
    }
    TRY_VOID(world_.fibers.sleep_until(world_.fibers.now() + busy_pause));
  }
}

// One trip for the locks of all of them; rows that changed since the scan are looked at anew.
Result<void> Leader::start_running(const tables::Scan::Rows& rows) {
  struct Candidate {
    wire::InvocationId id;
    std::string lock;  // empty: needs none
  };
  std::vector<Candidate> candidates;
  tables::Reads locks;
  for (const auto& [key, value] : rows) {
    TRY(row, wire::decode<tables::InvocationRow>(value));
    const wire::InvocationId id = tables::id_in_live(key);
    if (!std::holds_alternative<tables::Active>(row.status)) continue;
    Candidate candidate{.id = id, .lock = {}};
    if (row.target.handler_type == wire::HandlerType::exclusive) {
      candidate.lock = tables::lock_key(tables::object_of(id, row.target)).str();
      if (locks.keys.empty() || locks.keys.back() != candidate.lock) {
        locks.keys.push_back(candidate.lock);
      }
    }
    candidates.push_back(std::move(candidate));
  }
  tables::Pins pins(store_);
  while (!store_.ready(locks)) TRY_VOID(store_.prepare(locks, pins));
  std::vector<wire::InvocationId> again;
  for (const auto& [id, lock] : candidates) {
    if (touched_->contains(id)) {
      again.push_back(id);
      continue;
    }
    const std::string* held = lock.empty() ? nullptr : store_.get(lock);
    const bool runs = lock.empty() || (held && tables::LockView(*held).held_by(id));
    if (runs) handlers_.start(partition_, id);
  }
  for (const auto& id : again) {
    TRY(runs, reader_.runs(id));
    if (runs) handlers_.start(partition_, id);
  }
  return {};
}

void Leader::follow(const Changes& changes) {
  for (const Change& change : changes.list) tell(change);
}

void Leader::tell(const Change& change) {
  match(
      change,
      [&](const Run& c) {
        if (touched_) touched_->insert(c.id);
        handlers_.start(partition_, c.id);
      },
      [&](const Stored& c) { handlers_.stored(c.id, c.first, c.frames); },
      [&](const Stopped& c) {
        if (touched_) touched_->insert(c.id);
        handlers_.stop(c.id);
      },
      [&](const Completed& c) { completed(c); }, [&](const OutboxGrew& c) { outbox_.grew(c.seq); },
      [&](const TimerAdded& c) { timers_.added(c.timer); },
      [&](const TimerRemoved& c) { timers_.removed(c.timer); },
      [&](const WillExpire& c) { expiry_.will_expire(c.bucket); },
      [](const LeaderAnnounced&) {});  // the partition's own business
}

void Leader::completed(const Completed& change) {
  const auto [first, last] = waiting_.equal_range(change.id);
  for (auto waiting = first; waiting != last; ++waiting) {
    InvocationStatus status{.state = State::completed,
                            .service = change.service,
                            .handler = change.handler,
                            .outcome = change.outcome};
    if (change.kept_until != WallTime()) status.kept_until = change.kept_until;
    waiting->second->resolve(std::move(status));
  }
  waiting_.erase(first, last);
}

Result<InvocationStatus> Leader::await_completion(const wire::InvocationId& id, Instant deadline) {
  Waiting ticket(world_.fibers);
  const auto place = waiting_.emplace(id, &ticket);
  auto done = ticket.wait(deadline);
  // Resolved tickets were taken off before; an iterator to one of those is no longer ours.
  if (!ticket.resolved()) waiting_.erase(place);
  return done;
}

void Leader::end(const Error& why) {
  for (const auto& [id, ticket] : waiting_) ticket->resolve(std::unexpected(why));
  waiting_.clear();
  handlers_.drop_partition(partition_);
  fibers_.stop();
}

}  // namespace perdure::processor
