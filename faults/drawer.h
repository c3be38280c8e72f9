// faults/drawer.h
//
// What a fault draws its numbers with: a stream of its own for each kind, so that
// forbidding one kind leaves the others as they were.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/io/random.h"
#include "faults/kind.h"

namespace perdure::faults {

// Who there is to hurt.
struct Victims {
  std::vector<std::string> nodes;    // may lose power, have disks
  std::vector<std::string> helpers;  // clients, handlers: links only
  std::vector<std::string> marks;    // at which a node may be made to crash
};

class Drawer {
 public:
  Drawer(io::Random& random, std::string_view kind, Profile profile);

  double badness() const { return badness_; }  // 0.1 calm, 0.4 mild, 1 rough, 2 hostile
  double unit();                               // [0, 1)
  bool coin(double chance = 0.5) { return unit() < chance; }
  std::uint64_t below(std::uint64_t n) { return random_.below(stream_, n); }
  const std::string& one_of(const std::vector<std::string>& names) {
    return names[below(names.size())];
  }
  // Even in order of magnitude between low and high, the high end scaled by badness.
  double magnitude(double low, double high);
  std::uint32_t times(double low, double high) {
    return static_cast<std::uint32_t>(magnitude(low, high));
  }
  Duration span(Duration low, Duration high);  // in whole microseconds

  // What several faults need.
  struct Link {
    std::string from, to;
  };
  Link link(const Victims& victims);         // at least one end is a node
  std::string side(const Victims& victims);  // some hosts, not all: "n1 n3"
  std::optional<std::uint64_t> turn_cut();   // so many effects of the last turn happen
  Duration restart();                        // until the process is back

 private:
  io::Random& random_;
  const std::string stream_;
  const double badness_;
};

// Names that stand in one text, "n1 n3".
std::vector<std::string> names_in(std::string_view text);

}  // namespace perdure::faults
