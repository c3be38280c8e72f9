// sim/world/mishaps.h
//
// What goes wrong by the weather's small chances, each with an address: the ordinal-th
// time that this kind could go wrong at this place.
//
//     befalls(frame_loss, n1>n3, 0.01) ──► counts to 417 ──► draw(seed, kind, place, 417)
//                                              or: is "frame_loss n1>n3 417" in the list?
//
// As a draw depends on nothing but its address, what happened in a run can be written
// down and given to the next run as a list, from which the shrinker takes away.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "faults/fault.h"
#include "sim/world/draw.h"

namespace perdure::sim {

class Universe;

class Mishaps {
 public:
  explicit Mishaps(const Universe& universe) : universe_(universe) {}

  // Dice for how it happens, if it happens this time.
  std::optional<Dice> befalls(faults::Kind kind, std::string_view where, double chance);

  void only(const std::vector<faults::Mishap>& these) { only_.emplace(these.begin(), these.end()); }
  // Keeps what happens from now on, so many at most.
  void keep(std::size_t most) { keep_ = most; }
  const std::vector<faults::Mishap>& happened() const { return happened_; }

 private:
  struct Place {
    faults::Kind kind;
    std::string where;
  };
  struct Before {
    using is_transparent = void;
    using View = std::pair<faults::Kind, std::string_view>;
    static View view(const Place& place) { return {place.kind, place.where}; }
    static View view(View view) { return view; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return view(a) < view(b);
    }
  };

  const Universe& universe_;
  std::map<Place, std::uint64_t, Before> counts_;
  std::optional<std::set<faults::Mishap>> only_;
  std::size_t keep_ = 0;
  std::vector<faults::Mishap> happened_;
};

}  // namespace perdure::sim
