// perdure-sim: runs seeds, replays one, tells its story, examines itself.
//
//     perdure-sim run --seeds 1000 --jobs 2
//     perdure-sim replay S1-3fa2c1d0-journal-77120
//     perdure-sim trace  S1-3fa2c1d0-journal-77120 --node n1 --around 812345
//     perdure-sim doctor
//
// Exit: 0 passed, 1 a check failed, 3 nondeterminism, 4 the harness broke, 5 a required
// mark was never reached, 64 bad usage.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/token.h"
#include "sim/cli/workers.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {
namespace {

struct RunOptions {
  std::string scenario = std::string(scenarios().front().name);
  std::uint64_t seeds = 1000;
  std::string range;  // "A:B", B not included
  std::uint32_t jobs = 1;
  std::string junit, json;
  std::vector<std::string> marks;
  std::uint32_t twins_one_in = 20;
  bool fail_fast = false;
};

std::optional<std::vector<std::uint64_t>> seeds_of(const RunOptions& options) {
  std::uint64_t from = 1, to = 1 + options.seeds;
  if (!options.range.empty()) {
    char colon = 0, rest = 0;
    std::istringstream text(options.range);
    if (!(text >> from >> colon >> to) || colon != ':' || text >> rest || to < from) {
      return std::nullopt;
    }
  }
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = from; seed < to; ++seed) seeds.push_back(seed);
  return seeds;
}

int run(const RunOptions& options) {
  const auto seeds = seeds_of(options);
  if (!seeds) {
    std::cerr << "--seed-range wants A:B\n";
    return bad_usage;
  }
  if (find_scenario(options.scenario) == nullptr) {
    std::cerr << "no such scenario: " << options.scenario << "; there are:\n";
    for (const Scenario& scenario : scenarios()) {
      std::cerr << fmt::format("  {:36} {}\n", scenario.name, scenario.story);
    }
    return bad_usage;
  }
  Report report({.scenario = options.scenario,
                 .seeds = seeds->size(),
                 .junit = options.junit,
                 .json = options.json,
                 .marks = options.marks,
                 .progress = ::isatty(STDERR_FILENO) != 0});
  const auto start = std::chrono::steady_clock::now();
  run_seeds({.scenario = options.scenario,
             .seeds = *seeds,
             .jobs = options.jobs,
             .twins_one_in = options.twins_one_in,
             .fail_fast = options.fail_fast},
            [&report](const SeedResult& result) { report.add(result); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return report.finish(took.count());
}

// --- one seed, told ---

struct StoryOptions {
  std::string token;
  std::string node, name;      // only lines that mention these
  std::uint64_t around = 0;    // only events near this one
  std::uint64_t break_at = 0;  // raises SIGTRAP there, for gdb
  bool full = false, force = false;
};

// The event number stands second on a line of the story.
std::uint64_t event_of(const std::string& line) {
  std::istringstream words(line);
  double time = 0;
  std::uint64_t event = 0;
  words >> time >> event;
  return event;
}

bool wanted(const StoryOptions& options, const std::string& line) {
  if (!options.node.empty() && line.find(" " + options.node + ".") == line.npos) return false;
  if (!options.name.empty() && line.find(options.name) == line.npos) return false;
  if (options.around == 0) return true;
  const std::uint64_t event = event_of(line);
  return event + 200 >= options.around && event <= options.around + 200;
}

int tell_story(const StoryOptions& options) {
  const auto token = Token::from_text(options.token);
  if (!token) {
    std::cerr << token.error().detail << "\n";
    return bad_usage;
  }
  const Scenario* scenario = find_scenario(token->scenario);
  if (scenario == nullptr) {
    std::cerr << "no such scenario: " << token->scenario << "\n";
    return bad_usage;
  }
  if (token->build != build_id() && !options.force) {
    std::cerr << fmt::format("the token is of build {}, this is {}; --force runs it anyway\n",
                             token->build, build_id());
    return bad_usage;
  }
  constexpr std::size_t tail_lines = 60;
  std::deque<std::string> tail;
  Config config = {.seed = token->seed,
                   .tell =
                       [&](const std::string& line) {
                         if (!wanted(options, line)) return;
                         if (options.full) {
                           std::cout << line << "\n";
                           return;
                         }
                         tail.push_back(line);
                         if (tail.size() > tail_lines) tail.pop_front();
                       },
                   .break_at_event = options.break_at,
                   .break_reached = [] { std::raise(SIGTRAP); }};
  std::cout << fmt::format("{}: {}\nseed {}\n", scenario->name, scenario->story, token->seed);
  const Verdict verdict = scenario->run(config);
  for (const std::string& line : tail) std::cout << line << "\n";
  std::cout << fmt::format("drawn: {}\n{} events, {:.3f} simulated seconds, digest {}\n",
                           verdict.drawn, verdict.events, static_cast<double>(verdict.time) / 1e9,
                           verdict.digest);
  if (!verdict.finding) {
    std::cout << "passed\n1 passed, 0 failed\n";
    return all_passed;
  }
  std::cout << fmt::format("failed: {} ({})\n{}\n0 passed, 1 failed\n", verdict.finding->check,
                           verdict.finding->subject, verdict.finding->detail);
  return verdict.harness() ? harness_error : check_failed;
}

// --- doctor ---

// Every scenario twice, perturbed; and every planted bug of the self-tests found.
int doctor(std::uint64_t seeds) {
  int worst = all_passed;
  std::uint64_t passed = 0, failed = 0;
  for (const Scenario& scenario : scenarios()) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) numbers.push_back(seed);
    std::uint64_t bad = 0, found = 0;
    std::optional<std::uint64_t> first_found;
    run_seeds({.scenario = std::string(scenario.name),
               .seeds = numbers,
               .jobs = 2,
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

int main(int argc, char** argv) {
  CLI::App app("Runs Perdure in a simulated world, one seed after the other.", "perdure-sim");
  app.require_subcommand(1);

  RunOptions run_options;
  CLI::App* run_command =
      app.add_subcommand("run", "Runs seeds; prints how to replay each that fails");
  run_command->add_option("--scenario", run_options.scenario, "What each seed runs")
      ->capture_default_str();
  auto* seeds =
      run_command->add_option("--seeds", run_options.seeds, "Seeds 1 to N")->capture_default_str();
  run_command->add_option("--seed-range", run_options.range, "Seeds A to B - 1, as A:B")
      ->excludes(seeds);
  run_command->add_option("--jobs", run_options.jobs, "Processes")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  run_command->add_option("--junit", run_options.junit, "Write a JUnit file");
  run_command->add_option("--json", run_options.json, "Write a line of JSON for each seed");
  run_command->add_option("--require", run_options.marks, "Marks that some seed must reach");
  run_command
      ->add_option("--twins-one-in", run_options.twins_one_in, "Run one seed in N twice; 0: none")
      ->capture_default_str();
  run_command->add_flag("--fail-fast", run_options.fail_fast, "Stop at the first failure");

  StoryOptions story;
  CLI::App* replay = app.add_subcommand("replay", "Runs one seed again and tells how it ended");
  replay->add_option("token", story.token)->required();
  replay->add_option("--break-at", story.break_at, "Raise SIGTRAP before this event");
  replay->add_flag("--force", story.force, "Also for a token of another build");

  CLI::App* trace = app.add_subcommand("trace", "Tells the whole story of one seed");
  trace->add_option("token", story.token)->required();
  trace->add_option("--node", story.node, "Only of this host");
  trace->add_option("--name", story.name, "Only lines with this text");
  trace->add_option("--around", story.around, "Only 200 events before and after this one");
  trace->add_flag("--force", story.force, "Also for a token of another build");

  std::uint64_t doctor_seeds = 100;
  CLI::App* doctor_command = app.add_subcommand(
      "doctor", "Twin runs of every scenario, and the planted bugs of the self-tests");
  doctor_command->add_option("--seeds", doctor_seeds)->capture_default_str();

  std::string worker_scenario;
  CLI::App* worker = app.add_subcommand("worker", "")->group("");
  worker->add_option("scenario", worker_scenario)->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_passed : bad_usage;
  }
  if (*run_command) return run(run_options);
  if (*worker) return work(worker_scenario);
  if (*doctor_command) return doctor(doctor_seeds);
  story.full = static_cast<bool>(*trace);
  return tell_story(story);
}

}  // namespace
}  // namespace perdure::sim::cli

int main(int argc, char** argv) { return perdure::sim::cli::main(argc, argv); }
