// net/random/random.h
//
// io::Random by the kernel's generator, fetched 512 draws at a time (12 ns each).  The
// names of streams mean something in the simulator only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/io/random.h"

namespace perdure::net {

class KernelRandom : public io::Random {
 public:
  std::uint64_t draw(std::string_view stream) override;

 private:
  std::array<std::uint64_t, 512> drawn_ = {};
  std::size_t next_ = drawn_.size();
};

}  // namespace perdure::net
