// sim/scenario.h
//
// What a seed runs.  A scenario is a pure function from a seed (and a Config, which
// says how closely to look) to a Verdict; the same seed gives the same verdict and the
// same digest, whoever runs it.
//
//     draw ──► build ──► chaos, judged on-line ──► heal ──► must finish ──► judge the end
//
// What is drawn, and what a file says instead, is a Plan (plan.h).
//
// Safety is checked all the time, liveness only after the heal, with a deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "faults/swarm.h"
#include "sim/budget.h"
#include "sim/nemesis.h"
#include "sim/plan.h"
#include "sim/world/universe.h"

namespace perdure::sim {

struct Config {
  std::uint64_t seed = 0;
  trace::Story* story = nullptr;     // everything that happens is written down here
  std::uint64_t break_at_event = 0;  // 0: nowhere
  std::function<void(const Loop&)> break_reached;
  std::string* history = nullptr;        // what clients did, as JSON lines (check/history_export.h)
  std::uint64_t folds_max = UINT64_MAX;  // of the digest; the run stops there
  std::optional<faults::Schedule> schedule;  // instead of the one the seed draws
  std::set<faults::Kind> forbidden;          // on top of the scenario's own
  Plan plan;                                 // what a file says; empty: all by chance
  bool keep_plan = false;                    // Verdict::plan is wanted
  std::function<void(const Plan&)> planned;  // told once, before the chaos
  std::optional<Nanos> reseed_at;            // from then on all is drawn anew, from ...
  std::uint64_t reseed_salt = 0;             // ... this
};

struct Verdict {
  std::optional<Finding> finding;  // none: passed
  std::string digest;
  std::vector<Digest::Value> digest_blocks;
  std::uint64_t events = 0;
  Nanos time = 0;
  std::string drawn;  // profile, faults, weather: one line
  Recorder::Marks marks;
  std::optional<Plan> plan;  // as it was run, with nothing left to chance
  bool passed() const { return !finding; }
  bool harness() const { return finding && finding->check.starts_with("harness."); }
};

struct Scenario {
  std::string_view name;   // letters, digits, '_'
  std::string_view story;  // one sentence
  Verdict (*run)(const Config&);
  // Has a bug on purpose, which `check` must find: an exam of this simulator, run by
  // doctor and by tests, never by default.
  std::string_view must_find = {};
};

std::span<const Scenario> scenarios();  // scenarios.cpp; the first is the default
// Puts a program's own in front of them; before anything else is asked.
void add_scenarios(std::vector<Scenario> own);
const Scenario* find_scenario(std::string_view name);

// Runs what a plan says, of which config.seed decides the rest.
Verdict run(const Plan& plan, Config config);

// The frame of a scenario: draws its faults, keeps its universe, times its phases.
class Experiment {
 public:
  explicit Experiment(const Config& config, const std::set<faults::Kind>& forbidden = {});

  Universe& universe() { return *universe_; }
  const faults::Swarm& swarm() const { return swarm_; }
  // Draws for the scenario itself: sizes, rates, how many.
  Dice dice(std::string_view stream) const { return universe_->dice(stream); }
  // What the plan says of this, or else what was drawn.  Every number that a scenario
  // chooses goes through here, so that a file can choose it.
  std::uint64_t setting(std::string_view name, std::uint64_t drawn);
  std::chrono::milliseconds setting_ms(std::string_view name,
                                       Duration drawn);  // the name ends in _ms
  bool skipped(std::string_view token) const;            // an operation that the plan leaves out
  // What may be lost for good; a scenario with copies of something says so here.
  Budget& budget() { return budget_; }

  // Before the chaos: nothing small goes wrong, so that what is awaited can be promised; or
  // everything again as it was drawn.
  void have_fair_weather(bool fair);
  // Everything that happens to these, in the next `lasts`.  False: something was found.
  bool chaos(const faults::Victims& victims, Duration lasts);
  // Fair weather; runs until done(), for `within` and as long again as the most that a clock was
  // ever ahead.  Else a finding: liveness.stuck.
  bool heal(Duration within, const std::function<bool()>& done);
  void report(Finding finding) { universe_->loop.report(std::move(finding)); }
  Verdict verdict() const;

 private:
  Plan resolved(bool with_mishaps) const;

  const Config& config_;
  faults::Swarm swarm_;
  std::optional<Error> mistake_;  // in the plan
  Settings asked_;                // every setting that somebody asked for
  Budget budget_;
  std::unique_ptr<Universe> universe_;
  std::unique_ptr<Nemesis> nemesis_;
  faults::Weather weather_;  // at the beginning
};

}  // namespace perdure::sim
