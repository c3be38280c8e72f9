#include "engine/node/checkpointer.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

constexpr Duration look_again = std::chrono::milliseconds(200);  // while rows are dirty
constexpr Duration pause_after_error = std::chrono::seconds(5);
constexpr Duration pause_while_full = std::chrono::seconds(1);  // of one partition

}  // namespace

void Checkpointer::start() {
  fibers_.start("checkpointer", [this] { run(); });
}

void Checkpointer::add(Subject subject) {
  const PartitionId partition = subject.partition.owner().partition;
  subjects_.emplace(partition, std::move(subject));
  looked_.notify_all();  // it may be dirty from its replay, and nothing may happen to it again
}

void Checkpointer::remove(PartitionId partition) {
  subjects_.erase(partition);
  failures_.erase(partition);
  while (running_.contains(partition)) {
    if (!ran_.wait(io::never, io::Heed::deadline_only)) return;
  }
}

void Checkpointer::run() {
  for (;;) {
    start_due();
    const Result<void> waited = looked_.wait(next_age());
    if (!waited && waited.error().code == Code::cancelled) return;
    // What gathers within a moment is looked at once.
    if (waited && !world_.fibers.sleep_until(world_.clock.steady() + look_again)) return;
  }
}

void Checkpointer::start_due() {
  const std::vector<tables::Dirt> all = dirt();
  const tables::Admission admission = tables::admission_of(options_, all);
  for (const auto& [partition, subject] : subjects_) {
    subject.partition.admit_new_work(admission != tables::Admission::closed);
  }
  for (const tables::Due& due : tables::checkpoints_due(options_, all, world_.clock.steady())) {
    if (resting_.contains(due.partition) || !running_.insert(due.partition).second) continue;
    world_.trace.event(io::Level::debug, "node.checkpoint.started",
                       {{"partition", due.partition.raw()}, {"why", tables::name_of(due.why)}});
    fibers_.start("checkpoint", [this, due] { run_one(due.partition, due.why); }, io::Stack::large);
  }
}

std::vector<tables::Dirt> Checkpointer::dirt() const {
  const bool full = log_is_full_();
  std::vector<tables::Dirt> all;
  for (const auto& [partition, subject] : subjects_) {
    const bool rests = resting_.contains(partition);
    tables::Dirt& dirt = all.emplace_back(subject.partition.dirt());
    const Lsn unneeded = subject.snapshots.trim_point().value_or(Lsn(0));
    dirt.half_done = dirt.half_done && !rests;
    dirt.frees_log = full && !rests && unneeded < subject.partition.applied();
  }
  return all;
}

void Checkpointer::rest(PartitionId partition, Duration pause) {
  resting_.insert(partition);
  (void)world_.fibers.sleep_until(world_.clock.steady() + pause);
  resting_.erase(partition);
}

void Checkpointer::run_one(PartitionId partition, tables::Why why) {
  Result<void> done;
  if (const auto found = subjects_.find(partition); found != subjects_.end()) {
    const Subject subject = found->second;  // its entry may go meanwhile; what it names stays
    done = checkpoint(subject);
  }
  running_.erase(partition);
  ran_.notify_all();
  if (done) {
    failures_.erase(partition);
    if (why == tables::Why::log_full) rest(partition, pause_while_full);
  } else {
    failed(partition, done.error());
    rest(partition, pause_after_error);
  }
  looked_.notify_all();
}

void Checkpointer::failed(PartitionId partition, const Error& why) {
  world_.trace.event(io::Level::warn, "node.checkpoint.failed",
                     {{"partition", partition.raw()}, {"why", why.detail}});
  const bool may_pass = why.code == Code::full || why.code == Code::retry_later;
  if (may_pass || why.code == Code::cancelled) return;
  if (++failures_[partition] == failures_max) {
    give_up_({Code::failed, "the tables take no checkpoint: " + why.detail});
  }
}

Result<void> Checkpointer::checkpoint(const Subject& subject) {
  TRY(applied, subject.partition.checkpoint());
  if (world_.trace.rarely("node.checkpoint_rests")) {
    TRY_VOID(world_.fibers.sleep_until(world_.clock.steady() + look_again));
  }
  TRY(snapshot, subject.snapshots.take(subject.family, applied));
  const std::optional<Lsn> unneeded = subject.snapshots.trim_point();
  const bool later = world_.trace.rarely("node.trim_later");
  if (unneeded && !later) TRY_VOID(subject.trim(*unneeded));
  world_.trace.event(
      io::Level::debug, "node.checkpoint.done",
      {{"partition", snapshot.partition.raw()}, {"applied", snapshot.applied.raw()}});
  return {};
}

void Checkpointer::finish() {
  fibers_.stop();
  for (auto& [partition, subject] : subjects_) {
    if (subject.partition.dirt().dirty_bytes == 0 || subject.partition.broken()) continue;
    const Result<Lsn> laid_down = subject.partition.checkpoint();
    if (!laid_down) {
      world_.trace.event(io::Level::warn, "node.checkpoint.failed",
                         {{"partition", partition.raw()}, {"why", laid_down.error().detail}});
    }
  }
}

// Never, when nothing is dirty: then look() will tell.
Instant Checkpointer::next_age() const {
  Instant next = io::never;
  for (const auto& [partition, subject] : subjects_) {
    const tables::Dirt dirt = subject.partition.dirt();
    if (dirt.dirty_bytes == 0 || dirt.running) continue;
    next = std::min(next, dirt.dirty_since + options_.age_max);
  }
  return next;
}

}  // namespace perdure::node
