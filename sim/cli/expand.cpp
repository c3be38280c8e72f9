// perdure-sim expand: a seed as a schedule, with nothing left to chance.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/child.h"
#include "sim/cli/one_seed.h"
#include "sim/cli/report.h"
#include "sim/cli/verbs.h"
#include "sim/scenario_file.h"

namespace perdure::sim::cli {
namespace {

class Expand final : public Verb {
 public:
  explicit Expand(CLI::App& command) {
    command.add_option("what", what_, "A token, a scenario's name, or a scenario file")->required();
    command.add_option("--seed", seed_, "Of a scenario; a token has its own");
    command.add_flag("--mishaps", mishaps_,
                     "Also write down each small misfortune that the weather's chances brought");
    command.add_flag("--force", force_, "Also a token of another build");
  }

  int run() override {
    const auto plan = this->plan();
    if (!plan) {
      std::cerr << plan.error().detail << "\n";
      return bad_usage;
    }
    ChildRun run = run_in_child(*plan, {.seed = plan->seed.value_or(seed_)});
    if (!run.plan) {
      std::cerr << run.result.check << ": " << run.result.detail << "\n";
      return harness_error;
    }
    if (!mishaps_) run.plan->mishaps.reset();
    std::cout << fmt::format("# {}, seed {}, build {}: {}\n# drawn: {}\n", plan->name,
                             run.result.seed, build_id(), name_of(run.result.outcome),
                             run.result.drawn)
              << text_of_plan(*run.plan);
    return all_passed;
  }

 private:
  Result<Plan> plan() {
    if (!what_.starts_with("S1-")) return open_plan(what_);
    TRY(seed, find_seed(what_, force_));
    seed_ = seed.token.seed;
    return seed.plan;
  }

  std::string what_;
  std::uint64_t seed_ = 1;
  bool mishaps_ = false, force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_expand(CLI::App& command) { return std::make_unique<Expand>(command); }

}  // namespace perdure::sim::cli
