// perdure-sim replay: one seed again, and the last lines of its story.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/told.h"
#include "sim/cli/verbs.h"
#include "sim/trace/story_file.h"
#include "sim/trace/view.h"

namespace perdure::sim::cli {
namespace {

class Replay final : public Verb {
 public:
  explicit Replay(CLI::App& command) {
    command.add_option("token", token_)->required();
    command.add_option("--break-at", break_at_, "Raise SIGTRAP before this event, as event:N");
    command.add_option("--history", history_, "Write what clients did, as JSON lines")
        ->type_name("FILE");
    command.add_flag("--force", force_, "Also for a token of another build");
  }

  int run() override {
    const auto seed = find_seed(token_, force_);
    if (!seed) {
      std::cerr << seed.error().detail << "\n";
      return bad_usage;
    }
    Config config;
    if (!break_at_.empty()) {
      const auto event = event_number(break_at_);
      if (!event) {
        std::cerr << event.error().detail << "\n";
        return bad_usage;
      }
      config.break_at_event = *event;
      config.break_reached = stop_here;
    }
    std::cout << seed->title() << std::flush;
    std::string history;
    config.history = &history;
    const Told told = tell(*seed, std::move(config));
    if (const auto kept = keep_history(history); !kept) {
      std::cerr << kept.error().detail << "\n";
      return harness_error;
    }
    print_tail(*told.story);
    return print_verdict(told.verdict);
  }

 private:
  Result<void> keep_history(const std::string& lines) const {
    if (history_.empty()) return {};
    if (lines.empty()) return fail(Code::invalid, "this scenario keeps no history of clients");
    return trace::write_file(history_, lines);
  }

  static void print_tail(const trace::Story& story) {
    constexpr std::size_t tail_lines = 60;
    const auto numbers = trace::chosen(story, {});
    const std::size_t skipped = numbers.size() - std::min(numbers.size(), tail_lines);
    std::cout << trace::column_heads();
    for (std::size_t i = skipped; i < numbers.size(); ++i) {
      std::cout << trace::line_of(story, numbers[i], ::isatty(STDOUT_FILENO) != 0) << "\n";
    }
  }

  // For the debugger that waits for the signal: the last events before this one.
  static void stop_here(const Loop& loop) {
    constexpr std::size_t shown = 20;
    const std::vector<Happened> recent = loop.recent();
    for (std::size_t i = recent.size() - std::min(shown, recent.size()); i < recent.size(); ++i) {
      const Happened& each = recent[i];
      std::cerr << fmt::format("{:>12.6f} {:>8}  host {}.{} fiber {} {}\n",
                               static_cast<double>(each.at) / 1e9, each.event, each.life.host,
                               each.life.incarnation, each.fiber, name_of(each.kind));
    }
    std::raise(SIGTRAP);
  }

  std::string token_, break_at_, history_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_replay(CLI::App& command) { return std::make_unique<Replay>(command); }

}  // namespace perdure::sim::cli
