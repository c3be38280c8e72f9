#include "sim/cluster/log_registers.h"

#include <algorithm>

#include "engine/io/fibers.h"
#include "engine/io/random.h"

namespace perdure::sim {

Result<std::vector<std::uint64_t>> LogRegisters::swap(
    const std::vector<log::ChainChange>& changes) {
  for (const log::ChainChange& change : changes) {
    if (chains[change.partition].version != change.expected_version) {
      return fail(Code::conflict, "the chain has another version");
    }
  }
  std::vector<std::uint64_t> versions;
  for (const log::ChainChange& change : changes) {
    log::VersionedChain& held = chains[change.partition];
    history.chain_changed(change.partition, held.version + 1, held.chain, change.chain);
    held = {.version = held.version + 1, .chain = change.chain};
    versions.push_back(held.version);
  }
  return versions;
}

// Mostly short, sometimes as long as it gets.
Result<void> LogChains::travel() {
  const auto most = static_cast<std::uint64_t>(registers_.delay_most.count());
  const std::uint64_t span = world_.random.below("registers.slow", 10) == 0 ? most : most / 20;
  const auto delay = Duration(static_cast<Duration::rep>(
      world_.random.below("registers.delay", std::max<std::uint64_t>(span, 1))));
  return world_.fibers.sleep_until(world_.fibers.now() + delay);
}

Result<std::vector<log::VersionedChain>> LogChains::read(
    const std::vector<PartitionId>& partitions) {
  TRY_VOID(travel());
  std::vector<log::VersionedChain> found;
  for (const PartitionId partition : partitions) found.push_back(registers_.chains[partition]);
  TRY_VOID(travel());
  return found;
}

Result<std::vector<std::uint64_t>> LogChains::swap(const std::vector<log::ChainChange>& changes) {
  TRY_VOID(travel());
  auto swapped = registers_.swap(changes);
  TRY_VOID(travel());
  const double coin = static_cast<double>(world_.random.draw("registers.lose") >> 11) * 0x1.0p-53;
  if (coin < registers_.lose_answers) {
    return fail(Code::timed_out, "the answer was lost, and nobody knows");
  }
  return swapped;
}

Result<log::VersionedChain> LogChains::wait_newer(PartitionId partition, std::uint64_t seen,
                                                  Instant deadline) {
  while (registers_.chains[partition].version <= seen) {
    if (world_.fibers.now() >= deadline) return fail(Code::timed_out, "nothing newer");
    const auto look_again =
        std::chrono::milliseconds(10 + world_.random.below("registers.poll", 60));
    TRY_VOID(world_.fibers.sleep_until(std::min(deadline, world_.fibers.now() + look_again)));
  }
  return registers_.chains[partition];
}

}  // namespace perdure::sim
