// perdure-sim run: many seeds of one scenario.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

#include "engine/base/bytes.h"
#include "sim/cli/report.h"
#include "sim/cli/shrink.h"
#include "sim/cli/token.h"
#include "sim/cli/verbs.h"
#include "sim/cli/workers.h"
#include "sim/scenario.h"
#include "sim/scenario_file.h"

namespace perdure::sim::cli {
namespace {

class Run final : public Verb {
 public:
  explicit Run(CLI::App& command) {
    auto* scenario =
        command
            .add_option("--scenario", scenario_,
                        "What each seed runs: a name, or a scenario file; \"list\" names them")
            ->capture_default_str();
    command.add_option("--schedule", schedule_, "Run a schedule, once")->excludes(scenario);
    auto* seeds = command.add_option("--seeds", seeds_, "Seeds 1 to N")->capture_default_str();
    command.add_option("--seed-range", range_, "Seeds A to B - 1, as A:B")->excludes(seeds);
    command.add_option("--from-commit", commit_,
                       "Seeds that follow from this hash, --seeds of them");
    command.add_option("--time-budget", budget_, "Begin no seed after so long: 90s, 10m, 2h")
        ->transform(CLI::AsNumberWithUnit(
            std::map<std::string, std::uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}},
            CLI::AsNumberWithUnit::CASE_INSENSITIVE, "TIME"));
    command.add_option("--jobs", jobs_, "Processes")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--junit", junit_, "Write a JUnit file");
    command.add_option("--json", json_, "Write a line of JSON for each seed");
    command.add_option("--require", marks_, "Marks that some seed must reach");
    command.add_option("--twins-one-in", twins_one_in_, "Run one seed in N twice; 0: none")
        ->capture_default_str();
    command.add_flag("--shrink", shrink_, "Shrink the first failure, once all seeds have run");
    command.add_flag("--keep-going,!--fail-fast", keep_going_,
                     "Run all seeds whatever fails, or stop at the first failure");
  }

  int run() override {
    auto seeds = numbers();
    if (!seeds) {
      std::cerr << "--seed-range wants A:B\n";
      return bad_usage;
    }
    if (scenario_ == "list") return list();
    const auto plan = open_plan(schedule_.empty() ? scenario_ : schedule_);
    if (!plan) {
      std::cerr << plan.error().detail << "; --scenario list names those there are\n";
      return bad_usage;
    }
    if (!schedule_.empty() && !plan->seed) {
      std::cerr << schedule_ << ": is no schedule, it has no seed\n";
      return bad_usage;
    }
    if (plan->seed) seeds = std::vector{*plan->seed};
    std::map<std::string, std::uint64_t> marks;
    for (const std::string& mark : plan->reaches) marks[mark] = 1;
    for (const Plan::Expected& expected : plan->expects) marks[expected.mark] = expected.hits_min;
    for (const std::string& mark : marks_) marks[mark] = 1;
    Report report({.scenario = plan->name,
                   .seeds = seeds->size(),
                   .junit = junit_,
                   .json = json_,
                   .marks = marks,
                   .progress = ::isatty(STDERR_FILENO) != 0});
    const auto start = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::time_point> until;
    if (budget_ > 0) until = start + std::chrono::seconds(budget_);
    run_seeds({.scenario = plan->name,
               .seeds = *seeds,
               .jobs = jobs_,
               .twins_one_in = twins_one_in_,
               .until = until,
               .fail_fast = !keep_going_},
              [&report](const SeedResult& result) { report.add(result); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (shrink_ && report.failed() > 0) {
      const Token token = {
          .build = build_id(), .scenario = plan->name, .seed = report.failures().front().seed};
      shrink_seed({.token = token, .plan = *plan}, {});
    }
    return report.finish(took.count());
  }

 private:
  static int list() {
    for (const Plan& plan : all_plans()) {
      std::cout << fmt::format("{:40} {}\n", plan.name, plan.story);
    }
    return all_passed;
  }

  std::optional<std::vector<std::uint64_t>> numbers() const {
    // Of a commit: others for each, but the same for all who run it.
    const std::uint64_t from_commit = commit_.empty() ? 0 : hash64(commit_) >> 24;
    std::uint64_t from = 1 + from_commit, to = from + seeds_;
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
  std::string schedule_, commit_;
  std::uint64_t budget_ = 0;  // seconds; 0: none
  std::uint32_t jobs_ = 1;
  std::string junit_, json_;
  std::vector<std::string> marks_;
  std::uint32_t twins_one_in_ = 20;
  bool keep_going_ = true, shrink_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run(CLI::App& command) { return std::make_unique<Run>(command); }

}  // namespace perdure::sim::cli
