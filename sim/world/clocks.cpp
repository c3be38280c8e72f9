#include "sim/world/clocks.h"

namespace perdure::sim {

namespace {

__extension__ using Wide = __int128;

std::int64_t scaled(Nanos span, std::int64_t ppm) {
  // Parts, so that years of nanoseconds do not overflow.
  const auto whole = static_cast<std::int64_t>(span / 1'000'000);
  const auto rest = static_cast<std::int64_t>(span % 1'000'000);
  return static_cast<std::int64_t>(span) + whole * ppm + rest * ppm / 1'000'000;
}

}  // namespace

void HostClocks::power_up(Nanos t) {
  since_ = t;
  base_ = static_cast<std::int64_t>(dice_.between(second, 1'000 * second));
}

Instant HostClocks::steady(Nanos t) const {
  return Instant(Duration(base_ + scaled(t - since_, shape_.steady_ppm)));
}

WallTime HostClocks::wall(Nanos t) const {
  const Duration passed = Duration(scaled(t, shape_.wall_ppm)) + shape_.wall_offset;
  return shape_.begin + std::chrono::duration_cast<std::chrono::milliseconds>(passed);
}

Nanos HostClocks::when(Instant instant) const {
  const std::int64_t local = instant.time_since_epoch().count() - base_;
  if (local <= 0) return since_;
  auto t = static_cast<Nanos>(static_cast<std::int64_t>(static_cast<Wide>(local) * million /
                                                        (million + shape_.steady_ppm)));
  while (t > 0 && steady(since_ + t - 1) >= instant) --t;
  while (steady(since_ + t) < instant) ++t;
  return since_ + t;
}

}  // namespace perdure::sim
