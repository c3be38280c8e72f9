// perdure-sim doctor: does the simulator itself hold?
//
//     perdure-sim doctor --seeds 20
//     perdure-sim doctor --tree .       with the symbol gate over that tree's archives
//
// Every scenario runs each seed twice, the second time perturbed (perturb.h); every bug
// that the self-tests plant must be found; and what really is not deterministic must be
// seen and located.
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/perturb.h"
#include "sim/cli/report.h"
#include "sim/cli/verbs.h"
#include "sim/cli/workers.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {
namespace {

constexpr std::string_view drift = "harness.nondeterminism";
constexpr std::uint64_t patience = 100;  // seeds until a planted bug must be found

std::string indented(const std::string& text) {
  std::string result = "    ";
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "    ";
  }
  return result;
}

class Examination {
 public:
  Examination(std::uint64_t seeds, std::uint32_t jobs) : seeds_(seeds), jobs_(jobs) {}

  void scenario(const Scenario& scenario) {
    const bool hides_a_bug = !scenario.must_find.empty();
    const std::uint64_t last = hides_a_bug ? std::max(seeds_, patience) : seeds_;
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t seed = 1; seed <= last; ++seed) numbers.push_back(seed);
    const bool twins = !hides_a_bug || scenario.must_find == drift;
    std::vector<SeedResult> wrong, found;
    run_seeds({.scenario = std::string(scenario.name),
               .seeds = numbers,
               .jobs = jobs_,
               .twins_one_in = twins ? 1u : 0u,
               .fail_fast = hides_a_bug},
              [&](const SeedResult& result) {
                if (hides_a_bug && result.check == scenario.must_find) {
                  found.push_back(result);
                } else if (result.outcome != Outcome::passed) {
                  wrong.push_back(result);
                }
              });
    const std::string what = !hides_a_bug ? fmt::format("{} seeds twice", seeds_)
                             : found.empty()
                                 ? fmt::format("planted bug NOT found by {} seeds", last)
                                 : fmt::format("planted bug found, by seed {}", first(found));
    const bool located = scenario.must_find != drift || is_located(found);
    note(scenario.name, what + (located ? "" : ", but NOT located"),
         wrong.empty() && (!hides_a_bug || !found.empty()) && located);
    for (const SeedResult& each : wrong) tell(each);
  }

  // The gate over the engine's archives, when their tree is at hand.
  void symbols(const std::string& tree) {
    namespace fs = std::filesystem;
    const fs::path gate = fs::path(tree) / "tests" / "symbols.py";
    std::string archives;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(fs::path(tree) / "build" / "release", error)) {
      const std::string name = file.path().filename().string();
      if (name.starts_with("libengine_") && name.ends_with(".a")) {
        archives += " '" + file.path().string() + "'";
      }
    }
    if (archives.empty() || !fs::exists(gate, error)) {
      return note("symbols", fmt::format("no archives below {}: build it first", tree), false);
    }
    const int status = std::system(("python3 '" + gate.string() + "'" + archives + " >&2").c_str());
    note("symbols", "the engine reaches the world through engine/io only",
         WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  int finish() const {
    std::cout << "perturbed: " << perturbations() << "\n"
              << fmt::format("{} passed, {} failed\n", passed_, failed_);
    return worst_;
  }

 private:
  static std::uint64_t first(const std::vector<SeedResult>& results) {
    return std::ranges::min(results, {}, &SeedResult::seed).seed;
  }
  static bool is_located(const std::vector<SeedResult>& results) {
    return std::ranges::any_of(results, [](const SeedResult& result) {
      return result.detail.find("they part in event") != result.detail.npos;
    });
  }

  void note(std::string_view name, const std::string& what, bool fine) {
    std::cout << fmt::format("{} {:36} {}\n", fine ? "ok  " : "FAIL", name, what) << std::flush;
    ++(fine ? passed_ : failed_);
    if (!fine && worst_ == all_passed) worst_ = harness_error;
  }

  void tell(const SeedResult& result) {
    if (result.outcome == Outcome::nondeterminism) worst_ = nondeterminism;
    std::cout << fmt::format("  seed {}: {}\n{}\n", result.seed, result.check,
                             indented(result.detail));
  }

  const std::uint64_t seeds_;
  const std::uint32_t jobs_;
  std::uint64_t passed_ = 0, failed_ = 0;
  int worst_ = all_passed;
};

class Doctor final : public Verb {
 public:
  explicit Doctor(CLI::App& command) {
    command.add_option("--seeds", seeds_, "That each scenario runs twice")->capture_default_str();
    command.add_option("--jobs", jobs_, "Processes")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--tree", tree_, "A built source tree, for the symbol gate");
  }
  int run() override {
    Examination examination(seeds_, jobs_);
    for (const Scenario& scenario : scenarios()) examination.scenario(scenario);
    if (!tree_.empty()) examination.symbols(tree_);
    return examination.finish();
  }

 private:
  std::uint64_t seeds_ = 100;
  std::uint32_t jobs_ = 2;
  std::string tree_;
};

}  // namespace

std::unique_ptr<Verb> make_doctor(CLI::App& command) { return std::make_unique<Doctor>(command); }

}  // namespace perdure::sim::cli
