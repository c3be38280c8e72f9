// sim/cluster/log_registers.h
//
// A stand-in for the metadata store, for scenarios of the log alone: chains, node states and
// incarnations, outside of every host, always right, but reached after a while; and now and
// then an answer is lost though it happened.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "engine/io/world.h"
#include "engine/log/chains.h"
#include "engine/log/nodeset.h"
#include "sim/check/log_history.h"

namespace perdure::sim {

struct LogRegisters {
  LogHistory& history;
  double lose_answers = 0;
  Duration delay_most = std::chrono::milliseconds(20);
  std::map<PartitionId, log::VersionedChain> chains = {};
  std::map<NodeId, log::Candidate> nodes = {};
  std::map<NodeId, std::uint64_t> incarnations = {};
  std::function<bool(NodeId)> seems_alive = {};

  // All or none; the new versions.
  Result<std::vector<std::uint64_t>> swap(const std::vector<log::ChainChange>& changes);
};

// As one host reaches them.
class LogChains final : public log::Chains {
 public:
  LogChains(io::World& world, LogRegisters& registers) : world_(world), registers_(registers) {}

  Result<std::vector<log::VersionedChain>> read(
      const std::vector<PartitionId>& partitions) override;
  Result<std::vector<std::uint64_t>> swap(const std::vector<log::ChainChange>& changes) override;
  Result<log::VersionedChain> wait_newer(PartitionId partition, std::uint64_t seen,
                                         Instant deadline) override;

 private:
  Result<void> travel();

  io::World& world_;
  LogRegisters& registers_;
};

}  // namespace perdure::sim
