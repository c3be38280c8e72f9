// sim/scenario.h
//
// What a seed runs.  A scenario is a pure function from a seed (and a Config, which
// says how closely to look) to a Verdict; the same seed gives the same verdict and the
// same digest, whoever runs it.
//
//     draw ──► build ──► chaos, judged on-line ──► heal ──► must finish ──► judge the end
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
#include "sim/nemesis.h"
#include "sim/world/universe.h"

namespace perdure::sim {

struct Config {
  std::uint64_t seed = 0;
  std::function<void(const std::string&)> tell;  // the story, line by line; or nothing
  std::uint64_t tell_from_event = 0;
  std::uint64_t break_at_event = 0;  // 0: nowhere
  std::function<void()> break_reached;
  std::optional<faults::Schedule> schedule;  // instead of the one the seed draws
  std::set<faults::Kind> forbidden;          // on top of the scenario's own
};

struct Verdict {
  std::optional<Finding> finding;  // none: passed
  std::string digest;
  std::vector<Digest::Value> digest_blocks;
  std::uint64_t events = 0;
  Nanos time = 0;
  std::string drawn;  // profile, faults, weather: one line
  Recorder::Marks marks;
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

// The frame of a scenario: draws its faults, keeps its universe, times its phases.
class Experiment {
 public:
  explicit Experiment(const Config& config, const std::set<faults::Kind>& forbidden = {});

  Universe& universe() { return *universe_; }
  const faults::Swarm& swarm() const { return swarm_; }
  // Draws for the scenario itself: sizes, rates, how many.
  Dice dice(std::string_view stream) const { return universe_->dice(stream); }

  // Everything that happens to these, in the next `lasts`.  False: something was found.
  bool chaos(const faults::Victims& victims, Duration lasts);
  // Fair weather; runs until done().  Else a finding: liveness.stuck.
  bool heal(Duration within, const std::function<bool()>& done);
  void report(Finding finding) { universe_->loop.report(std::move(finding)); }
  Verdict verdict() const;

 private:
  const Config& config_;
  faults::Swarm swarm_;
  std::unique_ptr<Universe> universe_;
  std::unique_ptr<Nemesis> nemesis_;
};

}  // namespace perdure::sim
