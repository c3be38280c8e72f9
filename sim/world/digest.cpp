#include "sim/world/digest.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace perdure::sim {

void Digest::fold(const std::array<std::uint64_t, 4>& fields) {
  const std::uint64_t all[] = {value_[0], value_[1], fields[0], fields[1], fields[2], fields[3]};
  const XXH128_hash_t mixed = XXH3_128bits(all, sizeof all);
  value_ = {mixed.high64, mixed.low64};
  if (++folds_ % block == 0) blocks_.push_back(value_);
}

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", value_[0], value_[1]); }

}  // namespace perdure::sim
