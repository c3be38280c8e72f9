// perdure-sim run: many seeds of one scenario.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/verbs.h"
#include "sim/cli/workers.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {
namespace {

class Run final : public Verb {
 public:
  explicit Run(CLI::App& command) {
    command.add_option("--scenario", scenario_, "What each seed runs")->capture_default_str();
    auto* seeds = command.add_option("--seeds", seeds_, "Seeds 1 to N")->capture_default_str();
    command.add_option("--seed-range", range_, "Seeds A to B - 1, as A:B")->excludes(seeds);
    command.add_option("--jobs", jobs_, "Processes")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--junit", junit_, "Write a JUnit file");
    command.add_option("--json", json_, "Write a line of JSON for each seed");
    command.add_option("--require", marks_, "Marks that some seed must reach");
    command.add_option("--twins-one-in", twins_one_in_, "Run one seed in N twice; 0: none")
        ->capture_default_str();
    command.add_flag("--fail-fast", fail_fast_, "Stop at the first failure");
  }

  int run() override {
    const auto seeds = numbers();
    if (!seeds) {
      std::cerr << "--seed-range wants A:B\n";
      return bad_usage;
    }
    if (find_scenario(scenario_) == nullptr) {
      std::cerr << "no such scenario: " << scenario_ << "; there are:\n";
      for (const Scenario& scenario : scenarios()) {
        std::cerr << fmt::format("  {:36} {}\n", scenario.name, scenario.story);
      }
      return bad_usage;
    }
    Report report({.scenario = scenario_,
                   .seeds = seeds->size(),
                   .junit = junit_,
                   .json = json_,
                   .marks = marks_,
                   .progress = ::isatty(STDERR_FILENO) != 0});
    const auto start = std::chrono::steady_clock::now();
    run_seeds({.scenario = scenario_,
               .seeds = *seeds,
               .jobs = jobs_,
               .twins_one_in = twins_one_in_,
               .fail_fast = fail_fast_},
              [&report](const SeedResult& result) { report.add(result); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return report.finish(took.count());
  }

 private:
  std::optional<std::vector<std::uint64_t>> numbers() const {
    std::uint64_t from = 1, to = 1 + seeds_;
    if (!range_.empty()) {
      char colon = 0, rest = 0;
      std::istringstream text(range_);
      if (!(text >> from >> colon >> to) || colon != ':' || text >> rest || to < from) {
        return std::nullopt;
      }
    }
    std::vector<std::uint64_t> seeds;
    for (std::uint64_t seed = from; seed < to; ++seed) seeds.push_back(seed);
    return seeds;
  }

  std::string scenario_ = std::string(scenarios().front().name);
  std::uint64_t seeds_ = 1000;
  std::string range_;  // "A:B", B not included
  std::uint32_t jobs_ = 1;
  std::string junit_, json_;
  std::vector<std::string> marks_;
  std::uint32_t twins_one_in_ = 20;
  bool fail_fast_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run(CLI::App& command) { return std::make_unique<Run>(command); }

}  // namespace perdure::sim::cli
