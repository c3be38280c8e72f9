// sim/world/draw.h
//
// Addressed randomness.  A draw is a hash of where it is asked for, not the next
// number of a generator:
//
//     draw(seed, stream, entity, counter)
//          │     │       │       └ which one of this entity's
//          │     │       └ who asks: a link, a file, a fiber
//          │     └ what for: "net.delay"
//          └ which universe
//
// So taking one fault out of a run moves no other draw, which is what makes a failing
// run shrinkable.  Nothing in sim/ keeps a sequential generator.
#pragma once

#include <cstdint>
#include <string_view>

namespace perdure::sim {

std::uint64_t draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t entity,
                   std::uint64_t counter);
std::uint64_t stream_id(std::string_view stream);

inline std::uint64_t draw(std::uint64_t seed, std::string_view stream, std::uint64_t entity,
                          std::uint64_t counter) {
  return draw(seed, stream_id(stream), entity, counter);
}

// The draws of one (stream, entity); remembers only how many were taken.
class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view stream, std::uint64_t entity = 0)
      : seed_(seed), stream_(stream_id(stream)), entity_(entity) {}

  // The same, but another one whenever `salt` changes; it outlives this.
  Dice& salted(const std::uint64_t& salt) {
    salt_ = &salt;
    return *this;
  }

  std::uint64_t next() {
    return draw(salt_ != nullptr ? seed_ ^ *salt_ : seed_, stream_, entity_, counter_++);
  }
  std::uint64_t below(std::uint64_t n);                              // n > 0
  std::uint64_t between(std::uint64_t low, std::uint64_t high);      // both included
  std::uint64_t log_between(std::uint64_t low, std::uint64_t high);  // even in magnitude
  double unit();                                                     // [0, 1)
  bool chance(double probability) { return unit() < probability; }
  std::uint64_t exponential(double mean);

 private:
  std::uint64_t seed_, stream_, entity_;
  std::uint64_t counter_ = 0;
  const std::uint64_t* salt_ = nullptr;
};

}  // namespace perdure::sim
