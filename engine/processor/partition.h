// engine/processor/partition.h
//
// One replica of one partition on one shard: it applies what the log says, and while it
// leads it does what the rows then want.
//
//     submit, propose ─► log.append ┄┄ committed ┄┄► loop: apply ─► Changes ─► leader
//                            └── pending_: the record, decoded ───┘
//
//     applied_ <= committed <= tail            pending_ = what is between, of our own
//
// The loop wakes once for all that was committed together and applies it in that turn: a
// record of our own is not read back or decoded again.  It parks only to read the log, or
// rows that are not in memory.
//
// Life:  made ─ open_tables() ─► follows: follow() is given what somebody reads
//                    ▲            │
//                    │            └ open(): replays its log ─ lead(): announces ─► leads
//                    └──────────────────── close() ◄────────────────────────────────┘
// It leads from the moment it reads its own announcement back, until it reads another's
// or its log ends.  Then everybody who waits is told to go elsewhere, and the invoker to
// drop the partition; whoever wants it to lead again opens the log anew (adopt()) and
// gives it a new epoch.  So nothing is ever proposed behind an append of unknown outcome.
//
// A record of a version this build does not know, or rows that cannot be read, stop the
// replica: broken() says why, and nothing is applied any more.
//
// Idle it costs nothing: one parked fiber, and those of its leader.
//
// Not here   who leads (control), who is asked where (node), when a checkpoint is due
//            (tables/checkpoint.h, asked by the shard), what commands mean (apply.h)
// Read next  apply.h, leader.h
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/log/log.h"
#include "engine/processor/apply.h"
#include "engine/processor/bounds.h"
#include "engine/processor/needs.h"
#include "engine/processor/proposer.h"
#include "engine/processor/reading.h"
#include "engine/processor/ticket.h"
#include "engine/processor/witness.h"
#include "engine/tables/checkpoint.h"
#include "engine/tables/store.h"

namespace perdure::processor {

class Leader;

struct Options {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::size_t pending_records_max = 8192;  // of submit(); beyond: retry_later
  std::size_t pending_bytes_max = 32u << 20;
  Bounds bounds;
  Witness* witness = nullptr;
};

struct Submitted {
  Lsn lsn;
  bool began = false;      // an Invoke in it made a new invocation
  bool duplicate = false;  // it was applied before, from an earlier submission
  // It was refused, and nothing done: its time is not in the window around this one.
  std::optional<WallTime> refused_at = {};
};

class Partition final : private log::Observer, private Proposer {
 public:
  struct Parts {
    io::World& world;
    Owner owner;
    tables::Store& store;
    Handlers& handlers;
    Outbound& outbound;
  };
  Partition(const Parts& parts, const Options& options);
  ~Partition();  // stop() came before

  // --- life ------------------------------------------------------------------------------
  // Parks: reads how far the tables are.  Before all else; again: no matter.
  Result<void> open_tables();
  // Without a log of its own: applies the records that come next, in order.  Parks.
  // Errors: those that it is broken() by, cancelled.
  Result<void> follow(std::span<const std::pair<Lsn, std::string>> records);
  // Parks: applies all that the log holds.  Also after the log has ended, with the one
  // that was opened instead.  Errors: invalid, conflict, corrupt, not_found (the log is
  // trimmed beyond these tables: they need a snapshot), failed.
  Result<void> open(log::Log& log);
  // Parks until it reads its own announcement back, by which these features are in use.
  // Errors: fenced: another leader has an epoch as high; those of the log.
  Result<void> lead(Epoch epoch, std::uint32_t features = 0);
  // Leads no longer, and lets go of its log, which may be destroyed then.  Parks until what
  // was committed by then is applied.
  void close();
  void stop();  // parks until all its fibers have ended; nothing is applied afterwards

  bool leads() const { return leader_ != nullptr; }
  Epoch epoch() const { return epoch_; }  // announced last, whoever by
  Lsn applied() const { return applied_; }
  std::uint32_t features() const { return features_; }  // in use
  bool log_ended() const { return log_ == nullptr || log_->ended().has_value(); }
  // Parks until it leads no longer, or is broken.  Error: cancelled.
  Result<void> wait_until_it_leads_no_longer();
  const std::optional<Error>& broken() const { return broken_; }

  // --- records of others ------------------------------------------------------------------
  // A record without its stamp.  Parks until it is applied.  Errors: retry_elsewhere (does
  // not lead), retry_later (full): not in the log.  failed, timed_out, cancelled: perhaps.
  // invalid: not a record; no retry will help.
  Result<Submitted> submit(std::string record, Instant deadline);

  // --- of the leader's own rooms -------------------------------------------------------------
  // One record, appended at once, never refused for lack of room here.  Answered by one
  // Handlers::applied(about).  Errors: retry_later, fenced.
  Result<Lsn> propose(const wire::InvocationId& about, std::vector<wire::Command>&& commands);

  // --- questions; of the leader only, as followers lag (museum 32) ------------------------------
  // They are answered from its rows, and it may have been replaced without knowing it: after
  // confirm() has returned, whatever was acknowledged by anybody before its call is in the
  // rows.  Parks: it appends a record that does nothing, and waits until it is applied.
  // Errors: retry_elsewhere, retry_later, timed_out, cancelled.
  Result<void> confirm(Instant deadline);
  Result<InvocationStatus> status(const wire::InvocationId&);
  Result<Past> past(const wire::InvocationId&);
  // Parks until it has ended; also of what is not kept.  Errors: not_found, timed_out,
  // retry_elsewhere.
  Result<InvocationStatus> await_completion(const wire::InvocationId&, Instant deadline);
  Result<Replay> replay(const wire::InvocationId&, std::uint64_t state_bytes_max);

  // --- checkpoints ------------------------------------------------------------------------------
  tables::Dirt dirt() const;
  // Parks.  Lays the rows down as they are now; returns the LSN that they contain.
  // Error: retry_later when one is under way.
  Result<Lsn> checkpoint();
  Lsn laid_down() const { return laid_down_; }  // durably, by the last checkpoint
  // New work is refused while false; what finishes existing work is not.
  void admit_new_work(bool admitted) { admits_new_work_ = admitted; }

  tables::Store& store() { return store_; }
  const Owner& owner() const { return owner_; }
  std::size_t pending() const { return pending_.size(); }
  void check_invariants() const;

 private:
  friend class Leader;
  struct Pending {
    Lsn lsn;
    wire::Record record;
    std::size_t bytes = 0;
    Ticket<Submitted>* ticket = nullptr;
    std::optional<wire::InvocationId> about;
  };

  void committed(Lsn last) override;
  void ended(const Error& why) override;
  Result<Lsn> propose(std::vector<wire::Command>&& commands) override;
  Result<void> wait_applied(Lsn lsn, Instant deadline) override;

  Result<Lsn> append_own(std::vector<wire::Command>&& commands,
                         std::optional<wire::InvocationId> about);
  Result<void> admit(const wire::Record& record, std::size_t bytes) const;
  Result<Submitted> wait_for(Ticket<Submitted>& ticket, Lsn lsn, Instant deadline);

  void run();
  Result<void> apply_committed();
  Result<void> apply_pending();
  Result<void> apply_read();
  Result<void> apply_bytes(std::span<const std::pair<Lsn, std::string>> records);
  Result<void> apply_one(Lsn lsn, const wire::Record& record, std::size_t bytes,
                         std::span<const wire::Record> ahead = {});
  void tell_witness(const wire::Record& record);
  // With what the records after it need, when it has to park anyway.
  Result<void> make_ready(const wire::Record& record, std::span<const wire::Record> ahead = {});
  tables::Pins& window();
  void settle(const Pending& pending);
  void follow_changes();
  void announced(const LeaderAnnounced& change);
  void step_down(const Error& why);
  void forget_pending(const Error& why);
  void break_down(const Error& why);

  io::World& world_;
  const Owner owner_;
  tables::Store& store_;
  Handlers& handlers_;
  Outbound& outbound_;
  const Options options_;

  log::Log* log_ = nullptr;
  io::Group fibers_;
  io::Event work_;  // committed, or ended, or stopping
  io::Event applied_grew_;
  Reader reader_;
  tables::Pins always_;      // the partition's own row
  tables::Pins even_, odd_;  // rows of the records on their way: one is being filled,
  bool fill_even_ = true;    // the other is released when its records are applied
  std::size_t filled_ = 0;   // records
  Lsn other_until_;

  Lsn applied_, committed_;
  std::deque<Pending> pending_;  // by LSN, without a gap
  std::size_t pending_bytes_ = 0;
  Changes changes_;
  tables::Store::Written written_;  // by the record applied last, when somebody looks on
  Epoch epoch_;
  std::uint32_t features_ = 0;
  std::optional<Epoch> announcing_;
  std::uint64_t next_seq_ = 1;
  std::unique_ptr<Leader> leader_;
  std::optional<Error> log_end_, broken_;
  std::optional<Error> service_failure_;  // of the leader's
  bool opened_ = false;                   // the tables
  bool running_ = false;
  bool admits_new_work_ = true;

  bool checkpointing_ = false;
  Lsn frozen_at_, laid_down_;
  std::uint64_t log_bytes_ = 0;  // since the last checkpoint
  std::optional<Instant> dirty_since_;
};

}  // namespace perdure::processor
