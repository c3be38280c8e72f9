// perdure-sim replay: one seed again, and the last lines of its story.
#include <CLI/CLI.hpp>
#include <csignal>
#include <deque>
#include <iostream>

#include "sim/cli/one_seed.h"
#include "sim/cli/report.h"
#include "sim/cli/verbs.h"

namespace perdure::sim::cli {
namespace {

class Replay final : public Verb {
 public:
  explicit Replay(CLI::App& command) {
    command.add_option("token", token_)->required();
    command.add_option("--break-at", break_at_, "Raise SIGTRAP before this event");
    command.add_flag("--force", force_, "Also for a token of another build");
  }

  int run() override {
    const auto seed = find_seed(token_, force_);
    if (!seed) {
      std::cerr << seed.error().detail << "\n";
      return bad_usage;
    }
    constexpr std::size_t tail_lines = 60;
    std::deque<std::string> tail;
    const Config config = {.tell =
                               [&tail](const std::string& line) {
                                 tail.push_back(line);
                                 if (tail.size() > tail_lines) tail.pop_front();
                               },
                           .break_at_event = break_at_,
                           .break_reached = [] { std::raise(SIGTRAP); }};
    std::cout << seed->title();
    const Verdict verdict = seed->run(config);
    for (const std::string& line : tail) std::cout << line << "\n";
    return print_verdict(verdict);
  }

 private:
  std::string token_;
  std::uint64_t break_at_ = 0;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_replay(CLI::App& command) { return std::make_unique<Replay>(command); }

}  // namespace perdure::sim::cli
