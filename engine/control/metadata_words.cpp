#include "engine/control/metadata_words.h"

#include <charconv>

namespace perdure::control {
namespace {
constexpr std::string_view leader_is = "the leader is n";
}

std::string question_of(Proposal proposal) {
  SwapWords swap{.high = proposal.id.high, .low = proposal.id.low};
  for (Write& write : proposal.writes) {
    swap.writes.push_back(
        {.key = std::move(write.key), .expected = write.expected, .value = std::move(write.value)});
  }
  return wire::encode(MetadataQuestion{.is = std::move(swap)});
}

Proposal proposal_of(SwapWords swap) {
  Proposal proposal{.id = {.high = swap.high, .low = swap.low}};
  for (WriteWords& write : swap.writes) {
    proposal.writes.push_back(
        {.key = std::move(write.key), .expected = write.expected, .value = std::move(write.value)});
  }
  return proposal;
}

std::string answer_of(Versioned found) {
  return wire::encode(FoundObject{.version = found.version, .value = std::move(found.value)});
}

Result<Versioned> versioned_of(std::string_view answer) {
  TRY(found, wire::decode<FoundObject>(answer));
  return Versioned{.version = found.version, .value = std::move(found.value)};
}

std::unexpected<Error> not_the_leader(std::optional<NodeId> leader) {
  if (!leader) return fail(Code::retry_elsewhere, "there is no leader known here");
  return fail(Code::retry_elsewhere, std::string(leader_is) + std::to_string(leader->raw()));
}

std::optional<NodeId> leader_named_in(const Error& error) {
  if (error.code != Code::retry_elsewhere || !error.detail.starts_with(leader_is)) {
    return std::nullopt;
  }
  const std::string_view digits = std::string_view(error.detail).substr(leader_is.size());
  std::uint64_t node = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), node);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return NodeId(node);
}

}  // namespace perdure::control
