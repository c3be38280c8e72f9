// engine/invoker/versions.h
//
// Versions of the service protocol.  An invocation speaks one for its whole life: that
// of its pin, chosen when its first entry is stored.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "engine/wire/schema.h"

namespace perdure::invoker {

inline constexpr std::uint32_t oldest_version = 5;
inline constexpr std::uint32_t newest_version = 7;

// The newest that both speak, ours up to `cap`; nothing when there is none.
inline std::optional<std::uint32_t> common_version(const wire::Deployment& deployment,
                                                   std::uint32_t cap) {
  const std::uint32_t best = std::min(deployment.max_protocol_version, cap);
  if (best < oldest_version || best < deployment.min_protocol_version) return std::nullopt;
  return best;
}

}  // namespace perdure::invoker
