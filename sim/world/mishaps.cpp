#include "sim/world/mishaps.h"

#include "engine/base/bytes.h"
#include "sim/world/universe.h"

namespace perdure::sim {

std::optional<Dice> Mishaps::befalls(faults::Kind kind, std::string_view where, double chance) {
  if (chance <= 0) return std::nullopt;
  auto found = counts_.find(Before::View(kind, where));
  if (found == counts_.end()) {
    found = counts_.emplace(Place{.kind = kind, .where = std::string(where)}, 0).first;
  }
  const std::uint64_t ordinal = ++found->second;
  Dice dice(universe_.seed() ^ ordinal * 0x9E3779B97F4A7C15u, "mishap",
            hash64(where, static_cast<std::uint64_t>(kind)));
  const bool by_chance = dice.chance(chance);
  const bool happens =
      only_ ? only_->contains({.kind = kind, .where = found->first.where, .ordinal = ordinal})
            : by_chance;
  if (!happens) return std::nullopt;
  if (happened_.size() < keep_) {
    happened_.push_back({.kind = kind, .where = found->first.where, .ordinal = ordinal});
  }
  return dice;
}

}  // namespace perdure::sim
