// perdure-sim exam: plants known bugs into a copy of the code and asks whether the checks
// see them.  sim/exam does the work; here are its options and what it prints.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>

#include "sim/cli/report.h"
#include "sim/cli/token.h"
#include "sim/cli/verbs.h"
#include "sim/cli/workers.h"
#include "sim/exam/examiner.h"
#include "sim/exam/workshop.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {

namespace {

namespace fs = std::filesystem;

struct ExamOptions {
  std::string plants, json, source, build, work;
  std::vector<std::string> only;
  std::uint64_t seeds = 5000;
  std::uint32_t jobs = 1;
  bool only_check = false;  // whether each plant fits
  bool only_build = false;  // and compiles
};

// Planted beside all others: an examiner that misses it is blind, whatever it says.
constexpr std::string_view canary_text = R"(
id: "canary"  class: EASY  expect: "acked-is-durable"  kind: STMT  scenario: "journal"
story: "The self-test's journal writes the last byte of each batch over."
edit {
  file: "sim/selftest/journal.cpp"
  old: "tail_ += bytes.size();"
  new: "tail_ += bytes.size() - 1;"
}
)";

std::optional<fs::path> path_or_none(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(fs::path(text));
}

// Those of the server, the default first; self-tests examine the simulator.
std::vector<std::string> server_scenarios() {
  std::vector<std::string> names;
  for (const Scenario& scenario : scenarios()) {
    const std::string name(scenario.name);
    if (scenario.must_find.empty() && !name.starts_with("journal")) names.push_back(name);
  }
  return names;
}

std::vector<exam::SeedSeen> run_planted(const fs::path& counters, const fs::path& program,
                                        std::uint32_t plant, const std::string& scenario,
                                        std::uint64_t from, std::uint64_t to, std::uint32_t jobs,
                                        bool stop_at_failure) {
  WorkOrder order = {.scenario = scenario,
                     .jobs = jobs,
                     .twins_one_in = 0,
                     .fail_fast = stop_at_failure,
                     .program = program.string(),
                     .environment = {{"PERDURE_PLANT", std::to_string(plant)},
                                     {"PERDURE_PLANT_COUNTERS", counters.string()}}};
  for (std::uint64_t seed = from; seed < to; ++seed) order.seeds.push_back(seed);
  std::vector<exam::SeedSeen> seen;
  run_seeds(order, [&](const SeedResult& result) {
    seen.push_back({.seed = result.seed,
                    .failed = result.outcome != Outcome::passed,
                    .check = result.check,
                    .detail = result.detail,
                    .digest = result.digest});
  });
  return seen;
}

class Exam {
 public:
  explicit Exam(const ExamOptions& options)
      : options_(options), terminal_(::isatty(STDERR_FILENO) != 0) {}

  int run() {
    const auto site = exam::find_site(path_or_none(options_.source), path_or_none(options_.build),
                                      path_or_none(options_.work), options_.jobs);
    if (!site) return broken(site.error().detail);
    if (const Result<void> read = read_plants(*site); !read) {
      std::cerr << read.error().detail << "\n";
      return bad_usage;
    }
    if (options_.only_check) return finish();
    exam::Workshop workshop(*site, [this](const std::string& what) { say(what); });
    if (const Result<void> ready = workshop.prepare(); !ready) return broken(ready.error().detail);
    const std::vector<exam::Planted> planted = workshop.build(plants_);
    return examine(*site, workshop, planted);
  }

 private:
  int broken(const std::string& why) const {
    std::cerr << "the exam cannot be held: " << why << "\n";
    return harness_error;
  }

  void say(const std::string& what) const {
    std::cerr << (terminal_ ? "\r\033[K" : "") << what << (terminal_ ? "" : "\n") << std::flush;
  }

  // Those that fit into plants_, all others straight into the results.
  Result<void> read_plants(const exam::Site& site) {
    const fs::path where =
        options_.plants.empty() ? site.source / "tests" / "plants" : fs::path(options_.plants);
    TRY(read, exam::load_plants(where));
    for (const std::string& refused : read.refused) {
      std::cout << refused << "\n";
      results_.push_back({.plant = {.id = fs::path(refused.substr(0, refused.find(": "))).stem()},
                          .verdict = exam::Verdict::unfit,
                          .why = refused});
    }
    const std::set<std::string> only(options_.only.begin(), options_.only.end());
    std::set<std::string> known;
    for (exam::Plant& plant : read.plants) {
      known.insert(plant.id);
      if (!only.empty() && !only.contains(plant.id)) continue;
      if (const auto why = exam::misfit(plant, site.source)) {
        std::cout << plant.id << ": " << *why << "\n";
        results_.push_back({.plant = plant, .verdict = exam::Verdict::unfit, .why = *why});
      } else {
        plants_.push_back(std::move(plant));
      }
    }
    for (const std::string& id : only) {
      if (!known.contains(id)) return fail(Code::invalid, "no plant is called " + id);
    }
    if (options_.only_check) {
      std::cout << fmt::format("{} plants fit\n", plants_.size());
      for (const exam::Plant& plant : plants_) {
        results_.push_back({.plant = plant, .verdict = exam::Verdict::found});
      }
      return {};
    }
    auto canary = exam::parse_plant(canary_text);
    if (!canary) return fail(Code::invalid, canary.error().detail);
    if (const auto why = exam::misfit(*canary, site.source)) {
      return fail(Code::invalid, "the canary: " + *why);
    }
    plants_.push_back(std::move(*canary));
    return {};
  }

  int examine(const exam::Site& site, const exam::Workshop& workshop,
              const std::vector<exam::Planted>& planted) {
    const fs::path counters = site.work / fmt::format("counters.{}", ::getpid());
    const exam::RunSeeds run = [&counters](const auto&... arguments) {
      return run_planted(counters, arguments...);
    };
    const auto batch = std::ranges::find_if(planted, [](const exam::Planted& each) {
      return each.form != exam::Form::replacement && !each.program.empty();
    });
    exam::Examiner examiner(
        {.seeds_most = options_.seeds,
         .jobs = options_.jobs,
         .scenarios = server_scenarios(),
         .counters = counters,
         .plain = batch != planted.end() ? batch->program : workshop.plain_program()},
        run);
    std::cout << exam::table_head() << "\n";
    for (std::size_t i = 0; i < plants_.size(); ++i) {
      const bool is_canary = i + 1 == plants_.size();
      if (options_.only_build) {
        add({.plant = plants_[i],
             .form = planted[i].form,
             .verdict = planted[i].program.empty() ? exam::Verdict::unfit : exam::Verdict::found,
             .why = planted[i].why_not,
             .counted = planted[i].counted});
        continue;
      }
      if (terminal_) say(fmt::format("{} of {}: {}", i + 1, plants_.size(), plants_[i].id));
      exam::PlantResult result = examiner.examine(plants_[i], planted[i]);
      workshop.forget(planted[i]);
      if (is_canary) canary_sang_ = result.verdict == exam::Verdict::found;
      add(std::move(result));
    }
    std::error_code ignored;
    fs::remove(counters, ignored);
    return finish();
  }

  void add(exam::PlantResult result) {
    if (terminal_) std::cerr << "\r\033[K" << std::flush;
    std::cout << exam::table_line(result) << "\n" << std::flush;
    results_.push_back(std::move(result));
    // Whole at any time, should somebody stop us.
    if (!options_.json.empty()) {
      std::ofstream(options_.json) << exam::to_json(results_, build_id());
    }
  }

  int finish() const {
    const auto passed = std::ranges::count_if(results_, &exam::PlantResult::good);
    const auto failed = static_cast<std::ptrdiff_t>(results_.size()) - passed;
    std::uint64_t noise = 0;
    for (const exam::PlantResult& result : results_) noise += result.noise;
    if (noise > 0) {
      std::cout << fmt::format("{} findings did not count: the same seed fails without the plant\n",
                               noise);
    }
    if (!canary_sang_) std::cout << "the canary was not reported: this exam proves nothing\n";
    std::cout << fmt::format("{} passed, {} failed\n", passed, failed);
    if (!canary_sang_) return harness_error;
    return failed == 0 ? all_passed : check_failed;
  }

  const ExamOptions& options_;
  const bool terminal_;
  std::vector<exam::Plant> plants_;  // that fit; the last is the canary
  std::vector<exam::PlantResult> results_;
  bool canary_sang_ = true;
};

class ExamVerb final : public Verb {
 public:
  explicit ExamVerb(CLI::App& command) {
    command.add_option("--plants", options_.plants,
                       "Folder of *.txtpb, or one file; default tests/plants");
    command.add_option("--only", options_.only, "Only these ids")->delimiter(',');
    command.add_option("--seeds", options_.seeds, "At most, for each plant")->capture_default_str();
    command.add_option("--jobs", options_.jobs, "Processes")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--json", options_.json, "Write the results as JSON");
    command.add_option("--source", options_.source, "The tree; default: that of this program");
    command.add_option("--build", options_.build, "Its build; default: that of this program");
    command.add_option("--work", options_.work,
                       "Where to build plants; default: below the temporary folder");
    auto* check = command.add_flag("--check", options_.only_check, "Only whether every plant fits");
    command.add_flag("--only-build", options_.only_build, "Only whether every plant compiles")
        ->excludes(check);
  }
  int run() override { return Exam(options_).run(); }

 private:
  ExamOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_exam(CLI::App& command) { return std::make_unique<ExamVerb>(command); }

}  // namespace perdure::sim::cli
