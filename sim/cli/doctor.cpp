// perdure-sim doctor: does the simulator itself hold?
#include <CLI/CLI.hpp>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/verbs.h"
#include "sim/cli/workers.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {
namespace {

// Every scenario twice, perturbed; and every planted bug of the self-tests found.
int doctor(std::uint64_t seeds, std::uint32_t jobs) {
  int worst = all_passed;
  std::uint64_t passed = 0, failed = 0;
  for (const Scenario& scenario : scenarios()) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) numbers.push_back(seed);
    std::uint64_t bad = 0, found = 0;
    std::optional<std::uint64_t> first_found;
    run_seeds({.scenario = std::string(scenario.name),
               .seeds = numbers,
               .jobs = jobs,
               .twins_one_in = scenario.must_find.empty() ? 1u : 0u},
              [&](const SeedResult& result) {
                if (result.check == scenario.must_find && !scenario.must_find.empty()) {
                  ++found;
                  first_found = std::min(first_found.value_or(result.seed), result.seed);
                } else if (result.outcome != Outcome::passed) {
                  ++bad;
                  std::cout << fmt::format("  seed {}: {}: {}\n", result.seed, result.check,
                                           result.detail.substr(0, result.detail.find('\n')));
                  worst =
                      result.outcome == Outcome::nondeterminism ? nondeterminism : harness_error;
                }
              });
    const bool must_find = !scenario.must_find.empty();
    const bool fine = bad == 0 && (!must_find || found > 0);
    ++(fine ? passed : failed);
    if (!fine && worst == all_passed) worst = harness_error;
    std::cout << fmt::format(
        "{:36} {}\n", scenario.name,
        must_find
            ? (found > 0 ? fmt::format("planted bug found by {} of {} seeds, first {}", found,
                                       seeds, *first_found)
                         : "planted bug NOT found")
            : fmt::format("{} seeds twice, digests {}", seeds, bad == 0 ? "equal" : "differ"));
  }
  std::cout << fmt::format("{} passed, {} failed\n", passed, failed);
  return worst;
}

class Doctor final : public Verb {
 public:
  explicit Doctor(CLI::App& command) {
    command.add_option("--seeds", seeds_, "Of each scenario")->capture_default_str();
    command.add_option("--jobs", jobs_, "Processes")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
  }
  int run() override { return doctor(seeds_, jobs_); }

 private:
  std::uint64_t seeds_ = 100;
  std::uint32_t jobs_ = 2;
};

}  // namespace

std::unique_ptr<Verb> make_doctor(CLI::App& command) { return std::make_unique<Doctor>(command); }

}  // namespace perdure::sim::cli
