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
  AddressedRandom(std::uint64_t seed, std::uint64_t entity) : seed_(seed), entity_(entity) {}

  std::uint64_t draw(std::string_view stream) override {
    auto found = streams_.find(stream);
    if (found == streams_.end()) {
      found = streams_.emplace(stream, Dice(seed_, stream, entity_)).first;
    }
    return found->second.next();
  }

 private:
  const std::uint64_t seed_, entity_;
  std::map<std::string, Dice, std::less<>> streams_;
};

}  // namespace perdure::sim
