// sim/world/random.h
//
// io::Random as addressed draws: (seed, stream, entity, n-th of the stream).  The entity
// is the life of a shard, so that a restarted process does not draw its old numbers.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/io/random.h"
#include "sim/world/draw.h"

namespace perdure::sim {

class AddressedRandom final : public io::Random {
 public:
  // Other draws whenever `salt`, if there is one, changes; it outlives this.
  AddressedRandom(std::uint64_t seed, std::uint64_t entity, const std::uint64_t* salt = nullptr)
      : seed_(seed), entity_(entity), salt_(salt) {}

  std::uint64_t draw(std::string_view stream) override {
    auto found = streams_.find(stream);
    if (found == streams_.end()) {
      found = streams_.emplace(stream, Dice(seed_, stream, entity_)).first;
      if (salt_ != nullptr) found->second.salted(*salt_);
    }
    return found->second.next();
  }

 private:
  const std::uint64_t seed_, entity_;
  const std::uint64_t* const salt_;
  std::map<std::string, Dice, std::less<>> streams_;
};

}  // namespace perdure::sim
