// perdure-sim shrink: a failing seed as a small schedule that fails in the same way.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/child.h"
#include "sim/cli/one_seed.h"
#include "sim/cli/report.h"
#include "sim/cli/shrink.h"
#include "sim/cli/verbs.h"
#include "sim/scenario_file.h"
#include "sim/shrink/shrink.h"

namespace perdure::sim::cli {
namespace {

using WallClock = std::chrono::steady_clock;

std::string sizes(const Plan& plan) {
  const auto number = [&](std::string_view name) -> std::uint64_t {
    const auto found = plan.settings.find(name);
    return found == plan.settings.end() ? 0 : found->second;
  };
  const std::uint64_t operations = number("workload.clients") * number("workload.operations");
  return fmt::format("{} misfortunes, {} mishaps, {} unfair weathers, {} operations",
                     plan.misfortunes.size(), plan.mishaps ? plan.mishaps->size() : 0,
                     plan.weather.size(),
                     operations - std::min<std::uint64_t>(operations, plan.skipped.size()));
}

class Shrinking {
 public:
  Shrinking(const OneSeed& seed, const ShrinkOptions& options)
      : seed_(seed),
        options_(options),
        deadline_(WallClock::now() + std::chrono::seconds(options.seconds)) {}

  int run() {
    const ChildRun first = run_in_child(seed_.plan, {.seed = seed_.token.seed});
    if (first.result.outcome == Outcome::passed) {
      std::cout << "it passes: there is nothing to shrink\n";
      return all_passed;
    }
    if (!first.plan) {
      std::cerr << "it fails before its chaos begins: there is nothing to take away\n"
                << first.result.check << ": " << first.result.detail << "\n";
      return check_failed;
    }
    identity_ = identity_of(first.result);
    std::cout << fmt::format("fails: {}\nbefore: {}\n", identity_, sizes(*first.plan));
    Plan plan = *first.plan;
    if (!fails(plan)) {
      // Written out it does not fail: too much of it hangs on a chance that is not kept.
      plan.mishaps.reset();
      if (!fails(plan)) {
        std::cerr << "the schedule written out does not fail in the same way\n";
        return harness_error;
      }
    }
    Shrinker shrinker(
        plan, [this](const Plan& candidate) { return fails(candidate); },
        [this](const std::string& step, const Plan& smaller) {
          std::cout << fmt::format("{:>5} tries  {}: {}\n", tries_, step, sizes(smaller))
                    << std::flush;
        });
    const Plan small = shrinker.shrink();
    return write(*first.plan, small);
  }

 private:
  bool fails(const Plan& candidate) {
    if (tries_ >= options_.tries || WallClock::now() >= deadline_) return false;
    ++tries_;
    const ChildRun run = run_in_child(candidate, {.seed = candidate.seed.value_or(0)});
    if (run.result.outcome == Outcome::passed || identity_of(run.result) != identity_) return false;
    last_ = run.result;
    return true;
  }

  int write(const Plan& before, const Plan& small) {
    std::string file = options_.out;
    if (file.empty()) {
      std::string name = seed_.plan.name.substr(seed_.plan.name.rfind('/') + 1);
      if (name.ends_with(".txtpb")) name.resize(name.size() - 6);
      file = fmt::format("fail-{}-{}.txtpb", name, seed_.token.seed);
    }
    const std::string detail = last_.detail.substr(0, last_.detail.find('\n'));
    std::ofstream out(file);
    out << fmt::format(
               "# Fails: {}\n# {}\n#\n# Found by {}, seed {}.\n# before: {}\n# after:  {}\n"
               "# ({} tries)   perdure-sim run --schedule {}\n",
               identity_, detail, seed_.plan.name, seed_.token.seed, sizes(before), sizes(small),
               tries_, file)
        << text_of_plan(small);
    if (!out.flush()) {
      std::cerr << "cannot write " << file << "\n";
      return harness_error;
    }
    std::cout << fmt::format(
        "after:  {}\n{} ({} tries); look at it with\n  perdure-sim replay {}\n"
        "when it is fixed, give it a story and a mark it reaches, and keep it in scenarios/found\n",
        sizes(small), file, tries_, file);
    return all_passed;
  }

  const OneSeed& seed_;
  const ShrinkOptions& options_;
  const WallClock::time_point deadline_;
  std::string identity_;
  std::uint64_t tries_ = 0;
  SeedResult last_;
};

class Shrink final : public Verb {
 public:
  explicit Shrink(CLI::App& command) {
    command.add_option("what", what_, "A token, or a schedule that fails")->required();
    command.add_option("--budget", options_.seconds, "Try nothing new after so long: 90s, 5m")
        ->transform(CLI::AsNumberWithUnit(
            std::map<std::string, std::uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}},
            CLI::AsNumberWithUnit::CASE_INSENSITIVE, "TIME"))
        ->capture_default_str();
    command.add_option("--tries", options_.tries, "Try at most so many")->capture_default_str();
    command.add_option("--out", options_.out, "The file; else fail-<scenario>-<seed>.txtpb");
    command.add_flag("--force", force_, "Also a token of another build");
  }

  int run() override {
    const auto seed = find_seed(what_, force_);
    if (seed) return shrink_seed(*seed, options_);
    std::cerr << seed.error().detail << "\n";
    return bad_usage;
  }

 private:
  std::string what_;
  ShrinkOptions options_;
  bool force_ = false;
};

}  // namespace

int shrink_seed(const OneSeed& seed, const ShrinkOptions& options) {
  return Shrinking(seed, options).run();
}

std::unique_ptr<Verb> make_shrink(CLI::App& command) { return std::make_unique<Shrink>(command); }

}  // namespace perdure::sim::cli
