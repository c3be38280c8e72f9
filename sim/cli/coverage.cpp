// perdure-sim coverage: which marks a campaign reached, from its --json file.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/verbs.h"
#include "sim/scenario_file.h"

namespace perdure::sim::cli {
namespace {

struct Reached {
  std::uint64_t hits = 0, seeds = 0, first_seed = 0;
};

class Coverage final : public Verb {
 public:
  explicit Coverage(CLI::App& command) {
    command.add_option("files", files_, "What run --json wrote")
        ->required()
        ->check(CLI::ExistingFile);
    command.add_option("--require", required_, "Marks that must be there");
    command.add_flag("--scenarios", scenarios_, "Also those that any scenario file means to reach");
  }

  int run() override {
    std::uint64_t seeds = 0;
    std::map<std::string, Reached> marks;
    for (const std::string& file : files_) {
      std::ifstream in(file);
      for (std::string line; std::getline(in, line);) {
        const auto result = from_json(line);
        if (!result) {
          std::cerr << file << ": is not what run --json writes\n";
          return bad_usage;
        }
        ++seeds;
        for (const auto& [mark, hits] : result->marks) {
          Reached& reached = marks[mark];
          if (reached.seeds++ == 0) reached.first_seed = result->seed;
          reached.hits += hits;
        }
      }
    }
    std::cout << fmt::format("{:>10} {:>7} {:>10}  mark\n", "hits", "seeds", "first seed");
    for (const auto& [mark, reached] : marks) {
      std::cout << fmt::format("{:>10} {:>7} {:>10}  {}\n", reached.hits, reached.seeds,
                               reached.first_seed, mark);
    }
    std::vector<std::string> wanted = required_;
    if (scenarios_) {
      for (const Plan& plan : all_plans()) {
        wanted.insert(wanted.end(), plan.reaches.begin(), plan.reaches.end());
        for (const auto& expected : plan.expects) wanted.push_back(expected.mark);
      }
    }
    std::ranges::sort(wanted);
    wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
    std::uint64_t missed = 0;
    for (const std::string& mark : wanted) {
      if (marks.contains(mark)) continue;
      ++missed;
      std::cout << "never reached: " << mark << "\n";
    }
    std::cout << fmt::format("{} marks in {} seeds, {} missed\n", marks.size(), seeds, missed);
    return missed == 0 ? all_passed : mark_missed;
  }

 private:
  std::vector<std::string> files_, required_;
  bool scenarios_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_coverage(CLI::App& command) {
  return std::make_unique<Coverage>(command);
}

}  // namespace perdure::sim::cli
