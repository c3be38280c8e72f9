#include "engine/processor/partition.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/trace.h"
#include "engine/processor/leader.h"

namespace perdure::processor {
namespace {

Error elsewhere() { return {.code = Code::retry_elsewhere, .detail = "this node does not lead"}; }

bool empty(const tables::Reads& reads) { return reads.keys.empty() && reads.ranges.empty(); }

// Work that would not be there without this record; what is not, finishes other work.
bool begins_work(const wire::Record& record) {
  if (std::holds_alternative<wire::SourceProducer>(record.producer)) return false;
  return std::ranges::any_of(record.commands, [](const wire::Command& command) {
    return std::holds_alternative<wire::Invoke>(command.body);
  });
}

Result<void> check_submitted(const wire::Record& record) {
  if (record.commands.empty()) return fail(Code::invalid, "a record without commands");
  if (std::holds_alternative<wire::SelfProducer>(record.producer)) {
    return fail(Code::invalid, "a record of the leader's own, from somebody else");
  }
  for (const auto& command : record.commands) {
    if (command.body.index() == 0) return fail(Code::invalid, "a command of another version");
    if (std::holds_alternative<wire::AnnounceLeader>(command.body)) {
      return fail(Code::invalid, "leaders are announced by lead()");
    }
  }
  return {};
}

// For whoever reads a trace: "Invoke inv_1... Counter/k1/add key=c1-7, Entry inv_1...".
std::string summary(const wire::Record& record) {
  std::string text;
  for (const wire::Command& command : record.commands) {
    if (!text.empty()) text += ", ";
    text += wire::name_of(command);
    std::visit(
        [&text](const auto& body) {
          if constexpr (requires { body.id.text(); }) text += ' ' + body.id.text();
        },
        command.body);
    if (const auto* invoke = std::get_if<wire::Invoke>(&command.body)) {
      text +=
          ' ' + invoke->target.service + '/' + invoke->target.key + '/' + invoke->target.handler;
      if (invoke->idempotency_key) text += " key=" + *invoke->idempotency_key;
    }
  }
  return text;
}

}  // namespace

Partition::Partition(const Parts& parts, const Options& options)
    : world_(parts.world),
      owner_(parts.owner),
      store_(parts.store),
      handlers_(parts.handlers),
      outbound_(parts.outbound),
      options_(options),
      fibers_(parts.world.fibers),
      work_(parts.world.fibers),
      applied_grew_(parts.world.fibers),
      reader_(parts.store),
      always_(parts.store),
      even_(parts.store),
      odd_(parts.store) {
  if (options_.witness) store_.note_writes(&written_);
}

Partition::~Partition() {
  if (log_) log_->observe(nullptr);
  if (options_.witness) store_.note_writes(nullptr);
}

// --- life -------------------------------------------------------------------------------

Result<void> Partition::open_tables() {
  if (opened_) return {};
  const tables::Reads own{.keys = {tables::partition_row_key().str()}, .ranges = {}};
  TRY_VOID(store_.prepare(own, always_));
  if (const std::string* bytes = store_.get(own.keys[0])) {
    TRY(row, wire::decode<tables::PartitionRow>(*bytes));
    applied_ = row.applied;
    epoch_ = row.epoch;
    features_ = row.features;
  }
  opened_ = true;
  committed_ = laid_down_ = applied_;
  if (options_.witness) options_.witness->opened(owner_, applied_);
  return {};
}

Result<void> Partition::follow(std::span<const std::pair<Lsn, std::string>> records) {
  CHECK(log_ == nullptr);
  if (broken_) return std::unexpected(*broken_);
  const Result<void> applied = apply_bytes(records);
  committed_ = applied_;
  applied_grew_.notify_all();
  if (!applied && applied.error().code != Code::cancelled) break_down(applied.error());
  return applied;
}

Result<void> Partition::open(log::Log& log) {
  CHECK(leader_ == nullptr);
  CHECK(pending_.empty());
  if (broken_) return std::unexpected(*broken_);
  TRY_VOID(open_tables());
  if (applied_ < log.trim_point()) {
    return fail(Code::not_found, "the log begins at " + std::to_string(log.trim_point().raw() + 1) +
                                     ", these tables end at " + std::to_string(applied_.raw()));
  }
  if (log.committed() < applied_) {
    return fail(Code::corrupt, "tables are ahead of their log: " + std::to_string(applied_.raw()) +
                                   " applied, " + std::to_string(log.committed().raw()) +
                                   " committed");
  }
  log_ = &log;
  log_end_.reset();
  committed_ = log.committed();
  log.observe(this);
  if (!running_) {
    running_ = true;
    fibers_.start("partition", [this] { run(); });
  }
  const Lsn target = committed_;
  work_.notify_all();
  while (applied_ < target && !broken_) {
    if (log_end_) return std::unexpected(*log_end_);
    TRY_VOID(applied_grew_.wait());
  }
  if (broken_) return std::unexpected(*broken_);
  return {};
}

Result<void> Partition::lead(Epoch epoch, std::uint32_t features) {
  if (log_ended()) return fail(Code::failed, "its log has ended");
  if (broken_) return std::unexpected(*broken_);
  if (epoch <= epoch_)
    return fail(Code::fenced, "epoch " + std::to_string(epoch_.raw()) + " leads");
  announcing_ = epoch;
  wire::Record record{.at = world_.clock.wall()};
  record.commands.push_back(
      {.body = wire::AnnounceLeader{.epoch = epoch,
                                    .node = options_.node,
                                    .incarnation = options_.incarnation,
                                    .features = std::max(features, features_)}});
  std::string bytes = wire::encode(record);
  const std::size_t size = bytes.size();
  TRY(lsn, log_->append(std::move(bytes), wal::Admission::reserved));
  pending_.push_back({.lsn = lsn, .record = std::move(record), .bytes = size});
  pending_bytes_ += size;
  while (applied_ < lsn && !broken_) {
    if (log_end_) return std::unexpected(*log_end_);
    TRY_VOID(applied_grew_.wait());
  }
  if (!leads()) return fail(Code::fenced, "another leader was announced");
  return {};
}

void Partition::close() {
  if (!log_) return;
  log_->observe(nullptr);
  step_down(elsewhere());
  while (applied_ < committed_ && !broken_) {
    if (!applied_grew_.wait(io::never, io::Heed::deadline_only)) break;
  }
  announcing_.reset();
  forget_pending({.code = Code::failed, .detail = "this node leads no longer"});
  log_ = nullptr;
  log_end_.reset();
}

Result<void> Partition::wait_until_it_leads_no_longer() {
  while (leads() && !broken_) TRY_VOID(applied_grew_.wait());
  return {};
}

void Partition::stop() {
  if (log_) log_->observe(nullptr);
  step_down(elsewhere());
  fibers_.stop();
  running_ = false;
  forget_pending({.code = Code::failed, .detail = "the partition stops"});
  log_ = nullptr;
}

// --- records --------------------------------------------------------------------------------

Result<void> Partition::admit(const wire::Record& record, std::size_t bytes) const {
  if (!begins_work(record)) return {};
  const bool too_many_bytes =  // one record alone is always taken
      !pending_.empty() && pending_bytes_ + bytes > options_.pending_bytes_max;
  if (!admits_new_work_ || pending_.size() >= options_.pending_records_max || too_many_bytes) {
    return fail(Code::retry_later, "the partition is busy");
  }
  return {};
}

Result<Submitted> Partition::submit(std::string bytes, Instant deadline) {
  if (!leads() || log_ended()) return std::unexpected(elsewhere());
  auto decoded = wire::decode<wire::Record>(bytes);
  if (!decoded) return fail(Code::invalid, "no record: " + decoded.error().detail);
  wire::Record& record = *decoded;
  TRY_VOID(check_submitted(record));
  TRY_VOID(admit(record, bytes.size()));
  TRY_VOID(make_ready(record));  // here, so that the loop need not park for it
  if (!leads() || log_ended()) return std::unexpected(elsewhere());
  record.at = world_.clock.wall();
  wire::encode_to(bytes, wire::Stamp{.at = record.at});
  const std::size_t size = bytes.size();
  TRY(lsn, log_->append(std::move(bytes), begins_work(record) ? wal::Admission::ordinary
                                                              : wal::Admission::finishing));
  Ticket<Submitted> ticket(world_.fibers);
  pending_.push_back({.lsn = lsn, .record = std::move(record), .bytes = size, .ticket = &ticket});
  pending_bytes_ += size;
  return wait_for(ticket, lsn, deadline);
}

Result<Submitted> Partition::wait_for(Ticket<Submitted>& ticket, Lsn lsn, Instant deadline) {
  auto submitted = ticket.wait(deadline);
  if (!pending_.empty() && pending_.front().lsn <= lsn && lsn <= pending_.back().lsn) {
    pending_[lsn - pending_.front().lsn].ticket = nullptr;  // we gave up; it goes on
  }
  return submitted;
}

Result<Lsn> Partition::append_own(std::vector<wire::Command>&& commands,
                                  std::optional<wire::InvocationId> about) {
  if (!leads() || log_ended()) return fail(Code::fenced, "this node leads no longer");
  wire::Record record{.at = world_.clock.wall(),
                      .producer = wire::SelfProducer{.epoch = epoch_, .seq = next_seq_},
                      .commands = std::move(commands)};
  std::string bytes = wire::encode(record);
  const std::size_t size = bytes.size();
  auto lsn = log_->append(std::move(bytes), wal::Admission::finishing);
  if (!lsn) {
    commands = std::move(record.commands);  // not taken
    const bool busy = lsn.error().code == Code::retry_later || lsn.error().code == Code::full;
    return fail(busy ? Code::retry_later : Code::fenced, lsn.error().detail);
  }
  ++next_seq_;
  pending_.push_back({.lsn = *lsn, .record = std::move(record), .bytes = size, .about = about});
  pending_bytes_ += size;
  return lsn;
}

Result<Lsn> Partition::propose(const wire::InvocationId& about,
                               std::vector<wire::Command>&& commands) {
  return append_own(std::move(commands), about);
}

Result<Lsn> Partition::propose(std::vector<wire::Command>&& commands) {
  return append_own(std::move(commands), std::nullopt);
}

Result<void> Partition::wait_applied(Lsn lsn, Instant deadline) {
  while (applied_ < lsn) {
    if (!leads()) return fail(Code::fenced, "this node leads no longer");
    TRY_VOID(applied_grew_.wait(deadline));
  }
  return {};
}

// --- the loop ---------------------------------------------------------------------------------

void Partition::committed(Lsn last) {
  committed_ = last;
  work_.notify_one();
}

void Partition::ended(const Error& why) {
  log_end_ = why;
  work_.notify_one();
}

void Partition::run() {
  while (true) {
    if (!broken_) {
      const auto done = apply_committed();
      applied_grew_.notify_all();
      if (!done && done.error().code == Code::cancelled) return;
      if (!done) break_down(done.error());
      if (service_failure_ && !broken_) break_down(*service_failure_);
    }
    if (log_end_ && (leader_ || !pending_.empty())) {
      // Before it parks, while the log that ended is the one that is open.
      forget_pending({.code = Code::failed, .detail = "the log ended: " + log_end_->detail});
      step_down(elsewhere());
      applied_grew_.notify_all();
    }
    const bool more = !broken_ && applied_ < committed_;
    const bool over = log_end_ && (leader_ || !pending_.empty());
    if (more || over) continue;
    if (!work_.wait()) return;
  }
}

Result<void> Partition::apply_committed() {
  while (applied_ < committed_) {
    if (!pending_.empty() && pending_.front().lsn == applied_.next()) {
      TRY_VOID(apply_pending());
    } else {
      TRY_VOID(apply_read());
      world_.fibers.yield();
    }
  }
  return {};
}

// Records of our own: as they were proposed.
Result<void> Partition::apply_pending() {
  while (!pending_.empty() && pending_.front().lsn <= committed_) {
    Pending& next = pending_.front();
    TRY_VOID(apply_one(next.lsn, next.record, next.bytes));
    const Pending done = std::move(next);
    pending_bytes_ -= done.bytes;
    pending_.pop_front();
    settle(done);
  }
  return {};
}

// Records of others, or of our past: from the log.
Result<void> Partition::apply_read() {
  TRY(records, log_->read(applied_.next(), options_.bounds.replay_bytes));
  if (records.empty()) return fail(Code::corrupt, "the log has lost a committed record");
  return apply_bytes(records);
}

Result<void> Partition::apply_bytes(std::span<const std::pair<Lsn, std::string>> records) {
  std::vector<wire::Record> decoded;
  decoded.reserve(records.size());
  for (const auto& [lsn, bytes] : records) {
    auto record = wire::decode<wire::Record>(bytes);
    if (!record) {
      return fail(Code::corrupt, "record " + std::to_string(lsn.raw()) +
                                     " does not decode: " + record.error().detail);
    }
    decoded.push_back(std::move(*record));
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    TRY_VOID(apply_one(records[i].first, decoded[i], records[i].second.size(),
                       std::span(decoded).subspan(i + 1)));
    follow_changes();
  }
  return {};
}

Result<void> Partition::apply_one(Lsn lsn, const wire::Record& record, std::size_t bytes,
                                  std::span<const wire::Record> ahead) {
  CHECK(lsn == applied_.next());
  TRY_VOID(make_ready(record, ahead));
  changes_.clear();
  TRY_VOID(apply(lsn, record, owner_, store_, changes_));
  applied_ = lsn;
  log_bytes_ += bytes;
  if (!dirty_since_) dirty_since_ = world_.clock.steady();
  const bool read = world_.trace.wants(io::Level::debug);
  world_.trace.event(io::Level::debug, "processor.applied",
                     {{"partition", owner_.partition.raw()},
                      {"lsn", lsn.raw()},
                      {"commands", read ? summary(record) : std::string()}});
  if (options_.witness) tell_witness(record);
  return {};
}

void Partition::tell_witness(const wire::Record& record) {
  RowsWritten written{.erased = std::move(written_.erased), .rows = {}};
  for (const std::string& key : written_.keys) written.rows.emplace_back(key, store_.get(key));
  options_.witness->applied(owner_, applied_, record, written);
  written_ = {};
}

Result<void> Partition::make_ready(const wire::Record& record,
                                   std::span<const wire::Record> ahead) {
  while (true) {
    tables::Reads missing;
    missing_for(record, owner_, store_, missing);
    if (empty(missing)) return {};
    for (const wire::Record& later : ahead) missing_for(later, owner_, store_, missing);
    TRY_VOID(store_.prepare(missing, window()));
  }
}

// Rows stay pinned until all records that were on their way when the next window was
// begun are applied.
tables::Pins& Partition::window() {
  if (++filled_ > options_.bounds.window_records && applied_ >= other_until_) {
    fill_even_ = !fill_even_;
    (fill_even_ ? even_ : odd_).release();
    filled_ = 0;
    other_until_ = pending_.empty() ? applied_ : pending_.back().lsn;
  }
  return fill_even_ ? even_ : odd_;
}

// The record is applied: its changes are told, then whoever proposed it.
void Partition::settle(const Pending& done) {
  follow_changes();
  if (done.about) handlers_.applied(*done.about);
  if (!done.ticket) return;
  Submitted submitted{.lsn = done.lsn,
                      .began = changes_.began,
                      .duplicate = changes_.verdict == Verdict::duplicate};
  if (changes_.verdict == Verdict::refused) submitted.refused_at = changes_.request_time;
  done.ticket->resolve(submitted);
}

void Partition::follow_changes() {
  for (const Change& change : changes_.list) {
    const auto* leader = std::get_if<LeaderAnnounced>(&change);
    if (leader) return announced(*leader);  // such a record changes nothing else
  }
  if (leader_) leader_->follow(changes_);
}

void Partition::announced(const LeaderAnnounced& change) {
  epoch_ = change.epoch;
  features_ = change.features;
  if (leader_) step_down(elsewhere());
  const bool ours = change.node == options_.node && change.incarnation == options_.incarnation &&
                    announcing_ == change.epoch;
  if (!ours) return;
  announcing_.reset();
  next_seq_ = 1;
  const std::string* bytes = store_.get(tables::partition_row_key());
  CHECK(bytes != nullptr);
  const auto row = wire::decode<tables::PartitionRow>(*bytes);
  CHECK(row.has_value());
  leader_ = std::make_unique<Leader>(Leader::Parts{.world = world_,
                                                   .partition = owner_.partition,
                                                   .store = store_,
                                                   .handlers = handlers_,
                                                   .outbound = outbound_,
                                                   .proposer = *this,
                                                   .reader = reader_,
                                                   .bounds = options_.bounds},
                                     *row, [this](const Error& why) {
                                       service_failure_ = why;
                                       work_.notify_one();
                                     });
  leader_->start();
  world_.trace.event(io::Level::info, "processor.leader.announced",
                     {{"partition", owner_.partition.raw()}, {"epoch", change.epoch.raw()}});
}

void Partition::step_down(const Error& why) {
  if (!leader_) return;
  const std::unique_ptr<Leader> last = std::move(leader_);
  world_.trace.event(io::Level::info, "processor.leader.ended",
                     {{"partition", owner_.partition.raw()}, {"why", why.detail}});
  last->end(why);
  applied_grew_.notify_all();
}

void Partition::forget_pending(const Error& why) {
  for (const Pending& pending : pending_) {
    if (pending.ticket) pending.ticket->resolve(std::unexpected(why));
  }
  pending_.clear();
  pending_bytes_ = 0;
}

void Partition::break_down(const Error& why) {
  broken_ = why;
  world_.trace.event(
      io::Level::error, "processor.broken",
      {{"partition", owner_.partition.raw()}, {"applied", applied_.raw()}, {"why", why.detail}});
  forget_pending({.code = Code::failed, .detail = "the partition stopped: " + why.detail});
  step_down(elsewhere());
  applied_grew_.notify_all();
}

// --- questions -----------------------------------------------------------------------------------

Result<void> Partition::confirm(Instant deadline) {
  if (!leads()) return std::unexpected(elsewhere());
  const Result<Lsn> at = append_own({}, std::nullopt);
  const Result<void> applied = at ? wait_applied(*at, deadline) : std::unexpected(at.error());
  if (!applied && applied.error().code == Code::fenced) return std::unexpected(elsewhere());
  return applied;
}

Result<InvocationStatus> Partition::status(const wire::InvocationId& id) {
  if (!leads()) return std::unexpected(elsewhere());
  return reader_.status(id, world_.clock.wall());
}

Result<Past> Partition::past(const wire::InvocationId& id) {
  if (!leads()) return std::unexpected(elsewhere());
  return reader_.past(id, world_.clock.wall());
}

Result<InvocationStatus> Partition::await_completion(const wire::InvocationId& id,
                                                     Instant deadline) {
  TRY(now, status(id));
  if (now.state == State::absent) return fail(Code::not_found, "there is no such invocation");
  if (now.state == State::completed) return now;
  if (!leads()) return std::unexpected(elsewhere());
  return leader_->await_completion(id, deadline);
}

Result<Replay> Partition::replay(const wire::InvocationId& id, std::uint64_t state_bytes_max) {
  if (!leads()) return fail(Code::fenced, "this node leads no longer");
  return reader_.replay(id, state_bytes_max);
}

// --- checkpoints
// ------------------------------------------------------------------------------------

tables::Dirt Partition::dirt() const {
  return {.partition = owner_.partition,
          .dirty_bytes = store_.dirty() ? store_.active_bytes() : 0,
          .frozen_bytes = store_.bytes() - store_.active_bytes(),
          .log_bytes = log_bytes_,
          .dirty_since = dirty_since_.value_or(world_.clock.steady()),
          .running = checkpointing_,
          .half_done = store_.frozen() && !checkpointing_};
}

// Apply never parks, so wherever this runs is the border of a record.
Result<Lsn> Partition::checkpoint() {
  if (checkpointing_) return fail(Code::retry_later, "a checkpoint is under way");
  if (!store_.frozen()) {
    frozen_at_ = applied_;
    store_.freeze();
    log_bytes_ = 0;
    dirty_since_.reset();
  }
  checkpointing_ = true;
  const auto written = store_.write_frozen();
  checkpointing_ = false;
  if (!written) return std::unexpected(written.error());
  laid_down_ = frozen_at_;
  return frozen_at_;
}

void Partition::check_invariants() const {
  IMPLIES(log_ != nullptr, applied_ <= committed_ || broken_.has_value());
  IMPLIES(!pending_.empty(), applied_ < pending_.front().lsn);
  IMPLIES(leader_ != nullptr, !broken_.has_value() || log_end_.has_value());
  store_.check_invariants();
}

}  // namespace perdure::processor
