// tests/support/counting_random.h
//
// Chance that counts: 1, 2, 3 … for all streams together.  below(n) is 0 for long.
#pragma once

#include "engine/io/random.h"

namespace tests {

class CountingRandom final : public perdure::io::Random {
 public:
  std::uint64_t draw(std::string_view) override { return ++drawn_; }

 private:
  std::uint64_t drawn_ = 0;
};

}  // namespace tests
