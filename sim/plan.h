// sim/plan.h
//
// What one run is to be, as a value: which scenario, with which settings, in which
// weather, under which misfortunes.  A scenario file is a plan with some of it left to
// chance; a schedule is one with nothing left to chance.
//
//     file ──► Plan ──(seed)──► run ──► the same Plan, resolved ──► file
//                                            │
//                                            └─► shrink: take away, run again
//
// Settings are numbers by name: "cluster.nodes", "workload.clients",
// "limit.segment_bytes".  Whoever runs the plan asks for them with what it would have
// drawn itself, so that what it used can be written down.  A setting that nobody asks
// for is a mistake in the file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/random.h"
#include "faults/swarm.h"
#include "sim/world/universe.h"

namespace perdure::sim {

using Settings = std::map<std::string, std::uint64_t, std::less<>>;

struct Plan {
  std::string name;                  // for tokens: "invocation/crash_while_running", or a path
  std::string story;                 // one sentence or two
  std::string kind;                  // the scenario in code that runs it
  std::vector<std::string> reaches;  // marks that some seed of a campaign must hit
  struct Expected {
    std::string mark;
    std::uint64_t hits_min = 1;  // over all seeds of a campaign
  };
  std::vector<Expected> expects;

  std::optional<std::uint64_t> seed;  // a schedule has one
  Settings settings;
  struct Range {
    std::uint64_t low = 0, high = 0;  // both included; drawn evenly in magnitude
  };
  std::map<std::string, Range, std::less<>> ranges;
  std::optional<Pick> pick;
  std::optional<bool> framed_http;

  bool no_chance = false;  // nothing is drawn: weather and misfortunes are all here
  faults::SwarmRules rules;
  std::map<std::string, double, std::less<>> weather;  // by Weather::fields, over the drawn
  faults::Schedule misfortunes;                        // on top of the drawn
  std::optional<std::vector<faults::Mishap>> mishaps;  // instead of by chance
  std::vector<std::string> skipped;                    // operations left out: "c1-4"

  std::size_t size() const {  // what a shrinker makes smaller
    return misfortunes.size() + (mishaps ? mishaps->size() : 0) + weather.size();
  }
};

std::string_view name_of(Pick pick);
std::optional<Pick> pick_named(std::string_view name);

// Ranges become settings.
Plan settle(Plan plan, std::uint64_t seed);
// The weather with the plan's own values in it.  Error: invalid, an unknown name.
Result<void> apply(const Plan& plan, faults::Weather& weather);
// What differs from a fair day, by name.
std::map<std::string, double, std::less<>> what_is_unfair(const faults::Weather& weather);

}  // namespace perdure::sim
