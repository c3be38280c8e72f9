// perdure-sim blame: when was it decided that this seed fails?
//
// The run is repeated, but from some moment on everything is drawn anew.  Before the bug
// has happened that mostly saves the run, after it nothing does:
//
//     share of runs that   1 |                 ________
//     still fail             |       _________|
//                          0 |______/         ^ here it happened
//                              0 s            12.4 s      18 s: found
#include <CLI/CLI.hpp>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/child.h"
#include "sim/cli/one_seed.h"
#include "sim/cli/report.h"
#include "sim/cli/verbs.h"

namespace perdure::sim::cli {
namespace {

class Blame final : public Verb {
 public:
  explicit Blame(CLI::App& command) {
    command.add_option("what", what_, "A token, or a schedule that fails")->required();
    command.add_option("--tries", tries_, "Runs for each moment")->capture_default_str();
    command.add_flag("--force", force_, "Also a token of another build");
  }

  int run() override {
    const auto seed = find_seed(what_, force_);
    if (!seed) {
      std::cerr << seed.error().detail << "\n";
      return bad_usage;
    }
    const ChildRun first = run_in_child(seed->plan, {.seed = seed->token.seed});
    if (first.result.outcome == Outcome::passed) {
      std::cout << "it passes: there is nothing to blame\n";
      return all_passed;
    }
    // The schedule stays; chance is what changes.
    Plan plan = first.plan.value_or(seed->plan);
    plan.mishaps.reset();
    identity_ = identity_of(first.result);
    const Nanos found = first.result.sim_ms * millisecond + millisecond;
    std::cout << fmt::format("fails: {}, found at {:.3f} s\n", identity_, seconds(found));
    Nanos open = 0, decided = found;
    const double base = told(plan, open);
    while (decided - open > std::max<Nanos>(found / 200, 5 * millisecond)) {
      const Nanos middle = open + (decided - open) / 2;
      (told(plan, middle) >= (1 + base) / 2 ? decided : open) = middle;
    }
    std::cout << fmt::format(
        "decided between {:.3f} s and {:.3f} s: what is drawn later no longer matters\n",
        seconds(open), seconds(decided));
    return all_passed;
  }

 private:
  static double seconds(Nanos t) { return static_cast<double>(t) / 1e9; }

  double told(const Plan& plan, Nanos from) {
    std::uint64_t same = 0;
    for (std::uint64_t i = 1; i <= tries_; ++i) {
      const ChildRun run = run_in_child(plan, {.seed = plan.seed.value_or(0),
                                               .reseed_at = from,
                                               .reseed_salt = i * 0x9E3779B97F4A7C15u});
      const bool fails = run.result.outcome != Outcome::passed;
      same += fails && identity_of(run.result) == identity_ ? 1 : 0;
    }
    std::cout << fmt::format("  drawn anew from {:>9.3f} s: {:>2} of {} fail\n", seconds(from),
                             same, tries_)
              << std::flush;
    return static_cast<double>(same) / static_cast<double>(tries_);
  }

  std::string what_, identity_;
  std::uint64_t tries_ = 10;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_blame(CLI::App& command) { return std::make_unique<Blame>(command); }

}  // namespace perdure::sim::cli
