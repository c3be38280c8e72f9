#include "engine/node/checkpointer.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

constexpr Duration look_again = std::chrono::milliseconds(200);  // while rows are dirty
constexpr Duration pause_after_error = std::chrono::seconds(5);

}  // namespace

void Checkpointer::start() {
  fibers_.start("checkpointer", [this] { run(); });
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
  std::vector<tables::Dirt> all;
  for (const Subject& subject : subjects_) all.push_back(subject.partition.dirt());
  const tables::Admission admission = tables::admission_of(options_, all);
  for (const Subject& subject : subjects_) {
    subject.partition.admit_new_work(admission != tables::Admission::closed);
  }
  for (const tables::Due& due : tables::checkpoints_due(options_, all, world_.clock.steady())) {
    const auto subject = std::ranges::find(
        subjects_, due.partition, [](const Subject& s) { return s.partition.owner().partition; });
    if (std::ranges::count(running_, due.partition) > 0) continue;
    running_.push_back(due.partition);
    fibers_.start(
        "checkpoint",
        [this, subject, why = due.why] {
          world_.trace.event(io::Level::debug, "node.checkpoint.started",
                             {{"partition", subject->partition.owner().partition.raw()},
                              {"why", tables::name_of(why)}});
          const PartitionId partition = subject->partition.owner().partition;
          if (const Result<void> done = checkpoint(*subject); !done) {
            failed(partition, done.error());
            (void)world_.fibers.sleep_until(world_.clock.steady() + pause_after_error);
          } else {
            failures_.erase(partition);
          }
          std::erase(running_, partition);
          looked_.notify_all();
        },
        io::Stack::large);
  }
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

Result<void> Checkpointer::checkpoint(Subject& subject) {
  TRY(applied, subject.partition.checkpoint());
  if (world_.trace.rarely("node.checkpoint_rests")) {
    TRY_VOID(world_.fibers.sleep_until(world_.clock.steady() + look_again));
  }
  TRY(snapshot, subject.snapshots.take(subject.family, applied));
  const std::optional<Lsn> unneeded = subject.snapshots.trim_point();
  const bool later = world_.trace.rarely("node.trim_later");
  if (unneeded && *unneeded > subject.log.trim_point() && !later) {
    TRY_VOID(subject.log.trim(*unneeded));
  }
  world_.trace.event(io::Level::debug, "node.checkpoint.done",
                     {{"partition", snapshot.partition.raw()},
                      {"applied", snapshot.applied.raw()},
                      {"trimmed", subject.log.trim_point().raw()}});
  return {};
}

void Checkpointer::finish() {
  fibers_.stop();
  for (Subject& subject : subjects_) {
    if (subject.partition.dirt().dirty_bytes == 0 || subject.partition.broken()) continue;
    const Result<Lsn> laid_down = subject.partition.checkpoint();
    if (!laid_down) {
      world_.trace.event(io::Level::warn, "node.checkpoint.failed",
                         {{"partition", subject.partition.owner().partition.raw()},
                          {"why", laid_down.error().detail}});
    }
  }
}

// Never, when nothing is dirty: then look() will tell.
Instant Checkpointer::next_age() const {
  Instant next = io::never;
  for (const Subject& subject : subjects_) {
    const tables::Dirt dirt = subject.partition.dirt();
    if (dirt.dirty_bytes == 0 || dirt.running) continue;
    next = std::min(next, dirt.dirty_since + options_.age_max);
  }
  return next;
}

}  // namespace perdure::node
