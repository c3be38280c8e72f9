// tests/support/bare_world.h
//
// An io::World of which only some parts exist: what a unit test hands in.  The others
// are places that nobody may touch.
#pragma once

#include <cstddef>

#include "engine/io/world.h"

namespace tests {

struct BareParts {
  perdure::io::Clock& clock;
  perdure::io::Fibers& fibers;
  perdure::io::Http& http;
  perdure::io::Random& random;
  perdure::io::Trace& trace;
};

class BareWorld {
 public:
  explicit BareWorld(BareParts parts)
      : world{.clock = parts.clock,
              .disk = absent<perdure::io::Disk>(),
              .fibers = parts.fibers,
              .http = parts.http,
              .names = absent<perdure::io::Names>(),
              .objects = absent<perdure::io::Objects>(),
              .peers = absent<perdure::io::Peers>(),
              .random = parts.random,
              .streams = absent<perdure::io::Streams>(),
              .tables = absent<perdure::io::Tables>(),
              .trace = parts.trace} {}

 private:
  template <class Part>
  Part& absent() {
    return reinterpret_cast<Part&>(nothing_);
  }
  alignas(std::max_align_t) std::byte nothing_[64] = {};

 public:
  perdure::io::World world;
};

}  // namespace tests
