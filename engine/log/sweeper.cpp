#include "engine/log/sweeper.h"

#include <algorithm>
#include <iterator>

namespace perdure::log {
namespace {

std::vector<wal::LogletState> loglets_of(const Place& place) {
  std::vector<wal::LogletState> all = place.store.wal().loglets();
  std::erase_if(all, [&](const wal::LogletState& state) {
    return partition_of(state.loglet) != place.partition;
  });
  return all;
}

}  // namespace

std::vector<Sweep> what_to_sweep(const Chain& chain, const std::vector<wal::LogletState>& here) {
  std::vector<Sweep> sweeps;
  if (chain.loglets.empty()) return sweeps;
  const LogletId newest = chain.loglets.back().id;
  for (const wal::LogletState& held : here) {
    const auto named = std::ranges::find(chain.loglets, held.loglet, &Loglet::id);
    if (named == chain.loglets.end()) {
      // One that is newer is being proposed just now, or was made known as a successor.
      if (held.loglet < newest) sweeps.push_back({.loglet = held.loglet, .successor = newest});
      continue;
    }
    if (chain.trim_point < named->base) continue;
    const auto at = static_cast<std::size_t>(std::distance(chain.loglets.begin(), named));
    const Lsn tail = tail_of(chain, at);
    const Lsn end = tail == Lsn(0) ? chain.trim_point : std::min(chain.trim_point, tail.prev());
    const Offset point = Offset(1) + (end - named->base);
    if (point > held.trim_point) sweeps.push_back({.loglet = held.loglet, .trim_to = point});
  }
  return sweeps;
}

void Sweeper::start() {
  group_.start("log.sweeper", [this] {
    while (parts_.fibers.sleep_until(parts_.fibers.now() + parts_.every)) {
      const Result<void> swept = sweep();
      if (!swept && swept.error().code == Code::cancelled) return;
      if (!swept) parts_.trace.count("log.sweeps_failed");  // the next one does it
    }
  });
}

Result<void> Sweeper::sweep() {
  std::vector<PartitionId> partitions;
  for (const Place& place : parts_.places) {
    if (!loglets_of(place).empty()) partitions.push_back(place.partition);
  }
  if (partitions.empty()) return {};
  TRY(chains, parts_.chains.read(partitions));
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto place = std::ranges::find(parts_.places, partitions[i], &Place::partition);
    TRY_VOID(sweep_one(*place, chains[i].chain));
  }
  return {};
}

Result<void> Sweeper::sweep_one(const Place& place, const Chain& chain) {
  for (const Sweep& sweep : what_to_sweep(chain, loglets_of(place))) {
    parts_.trace.event(io::Level::info, "log.swept",
                       {{"loglet", sweep.loglet.raw()}, {"trim_to", sweep.trim_to.raw()}});
    if (sweep.trim_to > Offset(0)) {
      TRY_VOID(place.store.trim(sweep.loglet, sweep.trim_to));
    } else {
      TRY_VOID(place.store.drop(sweep.loglet, sweep.successor));
    }
  }
  return {};
}

}  // namespace perdure::log
