// perdure-sim why: from one event back along its causes, in words.
//
//     perdure-sim why S1-3fa2c1d0-journal-77120              why it failed
//     perdure-sim why S1-3fa2c1d0-journal-77120 event:84131
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/told.h"
#include "sim/cli/verbs.h"
#include "sim/trace/why.h"

namespace perdure::sim::cli {
namespace {

class Why final : public Verb {
 public:
  explicit Why(CLI::App& command) {
    command.add_option("token", token_, "A token, or a file that trace --out wrote")->required();
    command.add_option("event", event_, "As event:N; without it, where the run failed");
    command.add_option("--links", links_, "How many causes to go back")->capture_default_str();
    command.add_flag("--all", all_, "Also turns and steps that say nothing new");
    command.add_flag("--force", force_, "Also for a token of another build");
  }

  int run() override {
    const auto done = explain();
    if (done) return all_passed;
    std::cerr << done.error().detail << "\n";
    return bad_usage;
  }

 private:
  Result<void> explain() {
    std::optional<std::uint64_t> event;
    if (!event_.empty()) {
      TRY(number, event_number(event_));
      event = number;
    }
    TRY(story, find_story(token_, force_));
    if (!event && story->about.passed()) {
      return fail(Code::invalid, "the run passed; say which event, as event:N");
    }
    const std::uint64_t moment =
        trace::face_of_event(*story, event.value_or(story->about.found_at_event));
    if (moment == 0) return fail(Code::invalid, "the run has no such event");
    std::cout << trace::why(*story, moment, links_, all_, ::isatty(STDOUT_FILENO) != 0);
    return {};
  }

  std::string token_, event_;
  std::size_t links_ = 40;
  bool all_ = false, force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_why(CLI::App& command) { return std::make_unique<Why>(command); }

}  // namespace perdure::sim::cli
