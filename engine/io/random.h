// engine/io/random.h
//
// Promised   A draw is uniform over 64 bits, and nobody outside can guess it.
// Allowed    In the simulator a draw is hash(seed, node, stream, n-th draw of the
//            stream), so that one more draw in one stream shifts no other.
// Not here   shuffles and distributions: small functions where they are needed.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/check.h"

namespace perdure::io {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t draw(std::string_view stream) = 0;

  // 0 <= below(n) < n; the bias of n / 2^64 is accepted.
  std::uint64_t below(std::string_view stream, std::uint64_t n) {
    CHECK(n > 0);
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((Wide{draw(stream)} * n) >> 64);
  }
};

}  // namespace perdure::io
