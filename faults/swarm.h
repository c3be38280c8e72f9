// faults/swarm.h
//
// What goes wrong in one run, drawn.  A run has a profile (how bad); each kind of fault
// is then in or out by a coin, because the absence of one fault is what lets another
// do its work; magnitudes are even in order of magnitude within the profile's range.
//
//     seed ──► Swarm {profile, kinds} ──► Weather, Schedule        pure functions
//
// Chance comes in as io::Random; every kind draws from a stream of its own, so that
// forbidding one leaves the others as they were.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "engine/io/random.h"
#include "faults/catalogue.h"
#include "faults/fault.h"
#include "faults/weather.h"

namespace perdure::faults {

struct Swarm {
  Profile profile = Profile::calm;
  std::set<Kind> kinds;
  bool has(Kind kind) const { return kinds.contains(kind); }
};

// What a scenario asks of the swarm.
struct SwarmRules {
  std::optional<Profile> profile;      // else drawn
  std::set<Kind> forbid;               // never in
  std::set<Kind> always;               // in, whatever the coin says
  std::optional<std::set<Kind>> only;  // no others
};

// calm 10 %, mild 30 %, rough 40 %, hostile 20 %; each kind that is not forbidden with
// chance one half.
Swarm draw_swarm(io::Random&, const SwarmRules& rules);
inline Swarm draw_swarm(io::Random& random, const std::set<Kind>& forbidden = {}) {
  return draw_swarm(random, SwarmRules{.forbid = forbidden});
}
Weather draw_weather(io::Random&, const Swarm&);
// Misfortunes that begin in [0, chaos), sorted.
Schedule draw_schedule(io::Random&, const Swarm&, const Victims&, Duration chaos);

std::string show(const Swarm&);  // "rough: split power_loss pause"

}  // namespace perdure::faults
