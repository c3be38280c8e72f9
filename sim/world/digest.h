// sim/world/digest.h
//
// A rolling 128-bit hash over everything that happened, in order.  Two runs of one
// seed must agree on it at every event; where they first differ is where
// nondeterminism crept in.  A copy is kept every `block` folds, so that the differing
// block is found without keeping the whole story.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace perdure::sim {

class Digest {
 public:
  using Value = std::array<std::uint64_t, 2>;
  static constexpr std::uint64_t block = 1024;

  void fold(const std::array<std::uint64_t, 4>& fields);

  const Value& value() const { return value_; }
  const std::vector<Value>& blocks() const { return blocks_; }  // after each full block
  std::uint64_t folds() const { return folds_; }
  std::string hex() const;

 private:
  Value value_ = {};
  std::uint64_t folds_ = 0;
  std::vector<Value> blocks_;
};

}  // namespace perdure::sim
