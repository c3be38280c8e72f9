#include "sim/world/draw.h"

#include <cmath>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace perdure::sim {

std::uint64_t draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t entity,
                   std::uint64_t counter) {
  const std::uint64_t address[] = {stream, entity, counter};
  return XXH3_64bits_withSeed(address, sizeof address, seed);
}

std::uint64_t stream_id(std::string_view stream) { return hash64(stream, 0x5EED); }

std::uint64_t Dice::below(std::uint64_t n) {
  CHECK(n > 0);
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{next()} * n) >> 64);
}

std::uint64_t Dice::between(std::uint64_t low, std::uint64_t high) {
  CHECK(low <= high);
  return high - low == UINT64_MAX ? next() : low + below(high - low + 1);
}

double Dice::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Dice::log_between(std::uint64_t low, std::uint64_t high) {
  CHECK(low > 0 && low <= high);
  const double from = std::log(static_cast<double>(low));
  const double to = std::log(static_cast<double>(high));
  const auto drawn = static_cast<std::uint64_t>(std::exp(from + (to - from) * unit()));
  return drawn < low ? low : drawn > high ? high : drawn;
}

std::uint64_t Dice::exponential(double mean) {
  return static_cast<std::uint64_t>(-mean * std::log1p(-unit()));
}

}  // namespace perdure::sim
