#include "engine/tables/checkpoint.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace perdure::tables {

namespace {

std::uint64_t bytes_of(std::span<const Dirt> all) {
  std::uint64_t bytes = 0;
  for (const Dirt& dirt : all) bytes += dirt.dirty_bytes + dirt.frozen_bytes;
  return bytes;
}

bool may_be_due(const Dirt& dirt) {
  return !dirt.running && (dirt.dirty_bytes > 0 || dirt.half_done || dirt.frees_log);
}

std::optional<Why> why_due(const CheckpointOptions& options, const Dirt& dirt, Instant now) {
  if (dirt.dirty_bytes >= options.dirty_bytes_max) return Why::dirty_bytes;
  if (dirt.dirty_bytes > 0 && now - dirt.dirty_since >= options.age_max) return Why::age;
  if (dirt.half_done) return Why::half_done;
  if (dirt.frees_log) return Why::log_full;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Why why) {
  switch (why) {
    case Why::dirty_bytes: return "dirty_bytes";
    case Why::log_bytes: return "log_bytes";
    case Why::age: return "age";
    case Why::shared_bytes: return "shared_bytes";
    case Why::half_done: return "half_done";
    case Why::log_full: return "log_full";
  }
  return "?";
}

std::string_view name_of(Admission admission) {
  switch (admission) {
    case Admission::open: return "open";
    case Admission::slow: return "slow";
    case Admission::closed: return "closed";
  }
  return "?";
}

// What is on its way down already counts as gone: otherwise, over the budget, everything
// would be laid down one after the other in ever smaller pieces.
std::vector<Due> checkpoints_due(const CheckpointOptions& options, std::span<const Dirt> all,
                                 Instant now) {
  std::vector<Dirt> candidates;
  std::ranges::copy_if(all, std::back_inserter(candidates), may_be_due);
  const auto running = static_cast<std::size_t>(std::ranges::count(all, true, &Dirt::running));
  const std::size_t room = options.running_max - std::min(running, options.running_max);
  std::uint64_t kept = 0, behind = 0;
  for (const Dirt& dirt : all) kept += dirt.dirty_bytes;
  for (const Dirt& dirt : candidates) behind += dirt.dirty_bytes > 0 ? dirt.log_bytes : 0;

  std::vector<Due> due;
  const auto choose = [&](const Dirt& dirt, Why why) {
    due.push_back({.partition = dirt.partition, .why = why});
    kept -= dirt.dirty_bytes;
    behind -= dirt.dirty_bytes > 0 ? dirt.log_bytes : 0;
  };
  std::ranges::stable_sort(candidates, std::greater{}, &Dirt::dirty_bytes);
  for (const Dirt& dirt : candidates) {
    if (due.size() == room) return due;
    std::optional<Why> why = why_due(options, dirt, now);
    if (!why && kept > options.shared_bytes_max) why = Why::shared_bytes;
    if (why) choose(dirt, *why);
  }
  std::ranges::stable_sort(candidates, std::greater{}, &Dirt::log_bytes);
  for (const Dirt& dirt : candidates) {
    if (due.size() == room || behind < options.log_bytes_max) return due;
    if (dirt.dirty_bytes == 0) continue;
    if (std::ranges::find(due, dirt.partition, &Due::partition) != due.end()) continue;
    choose(dirt, Why::log_bytes);
  }
  return due;
}

Admission admission_of(const CheckpointOptions& options, std::span<const Dirt> all) {
  const std::uint64_t bytes = bytes_of(all);
  if (bytes <= options.shared_bytes_max) return Admission::open;
  return bytes < options.shared_bytes_max * 2 ? Admission::slow : Admission::closed;
}

}  // namespace perdure::tables
