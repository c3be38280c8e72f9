#include "engine/node/metadata_chains.h"

#include <string>

#include "engine/io/clock.h"
#include "engine/io/random.h"
#include "engine/wire/codec.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(30);

}  // namespace

std::string chain_key(PartitionId partition) { return "chain/" + std::to_string(partition.raw()); }

Result<log::VersionedChain> chain_of(const control::Versioned& found) {
  log::VersionedChain chain{.version = found.version};
  if (found.version > 0) {
    TRY(decoded, wire::decode<log::Chain>(found.value));
    TRY_VOID(log::check_chain(decoded));
    chain.chain = std::move(decoded);
  }
  return chain;
}

Result<std::vector<log::VersionedChain>> MetadataChains::read(
    const std::vector<PartitionId>& partitions) {
  std::vector<log::VersionedChain> chains;
  for (const PartitionId partition : partitions) {
    TRY(found, metadata_.get(chain_key(partition), world_.clock.steady() + patience));
    TRY(chain, chain_of(found));
    chains.push_back(std::move(chain));
  }
  return chains;
}

Result<std::vector<std::uint64_t>> MetadataChains::swap(
    const std::vector<log::ChainChange>& changes) {
  control::Proposal proposal{.id = {.high = world_.random.draw("node.proposal"),
                                    .low = world_.random.draw("node.proposal")}};
  std::vector<std::uint64_t> versions;
  for (const log::ChainChange& change : changes) {
    proposal.writes.push_back({.key = chain_key(change.partition),
                               .expected = change.expected_version,
                               .value = wire::encode(change.chain)});
    versions.push_back(change.expected_version + 1);
  }
  TRY_VOID(metadata_.compare_and_set(std::move(proposal), world_.clock.steady() + patience));
  return versions;
}

Result<log::VersionedChain> MetadataChains::wait_newer(PartitionId partition, std::uint64_t seen,
                                                       Instant deadline) {
  TRY(found, metadata_.wait_newer(chain_key(partition), seen, deadline));
  return chain_of(found);
}

}  // namespace perdure::node
