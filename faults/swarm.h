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

#include <set>
#include <string>
#include <vector>

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

// Who there is to hurt.
struct Victims {
  std::vector<std::string> nodes;    // may lose power, have disks
  std::vector<std::string> helpers;  // clients, handlers: links and pauses only
};

// calm 10 %, mild 30 %, rough 40 %, hostile 20 %; each kind that is not forbidden with
// chance one half.
Swarm draw_swarm(io::Random&, const std::set<Kind>& forbidden = {});
Weather draw_weather(io::Random&, const Swarm&);
// Misfortunes that begin in [0, chaos), sorted.
Schedule draw_schedule(io::Random&, const Swarm&, const Victims&, Duration chaos);

std::string show(const Swarm&);  // "rough: split power_loss pause"

}  // namespace perdure::faults
