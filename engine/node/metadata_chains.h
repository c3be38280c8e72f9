// engine/node/metadata_chains.h
//
// The chains of all logs as objects of the metadata store: "chain/7" is partition 7's.
#pragma once

#include <string>

#include "engine/control/metadata.h"
#include "engine/io/world.h"
#include "engine/log/chains.h"

namespace perdure::node {

std::string chain_key(PartitionId);
// What an object of that name says.  Error: corrupt.
Result<log::VersionedChain> chain_of(const control::Versioned&);

class MetadataChains final : public log::Chains {
 public:
  MetadataChains(io::World& world, control::Metadata& metadata)
      : world_(world), metadata_(metadata) {}

  Result<std::vector<log::VersionedChain>> read(
      const std::vector<PartitionId>& partitions) override;
  Result<std::vector<std::uint64_t>> swap(const std::vector<log::ChainChange>& changes) override;
  Result<log::VersionedChain> wait_newer(PartitionId partition, std::uint64_t seen,
                                         Instant deadline) override;

 private:
  io::World& world_;
  control::Metadata& metadata_;
};

}  // namespace perdure::node
