// perdure-sim trace: the story of one seed, as lines, or as a picture.
//
//     perdure-sim trace TOKEN --node n1 --kind apply,commit
//     perdure-sim trace TOKEN --around event:84131
//     perdure-sim trace TOKEN --follow invocation:inv_1hG...
//     perdure-sim trace TOKEN --html run.html
//     perdure-sim trace TOKEN --out run.story
//     perdure-sim trace run.story
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/cli/told.h"
#include "sim/cli/verbs.h"
#include "sim/trace/page.h"
#include "sim/trace/perfetto.h"
#include "sim/trace/story_file.h"
#include "sim/trace/view.h"

namespace perdure::sim::cli {
namespace {

class Trace final : public Verb {
 public:
  explicit Trace(CLI::App& command) {
    command.add_option("token", token_, "A token, or a file that --out wrote")->required();
    command.add_option("--node", nodes_, "Only of this host; may be given more than once");
    command.add_option("--kind", kinds_, "Only these, as send,arrive,apply; or all");
    command.add_option("--around", around_, "Only events near this one, as event:N");
    command.add_option("--span", choice_.span, "How near, in events")->capture_default_str();
    command.add_option("--follow", follow_,
                       "Only what mentions this invocation, token or key, and the causes "
                       "between; as invocation:inv_..., or any text");
    command.add_option("--name", choice_.name, "Only lines with this text");
    command.add_option("--html", html_, "Write a page to look at, one file");
    command.add_option("--perfetto", perfetto_, "Write Chrome trace JSON, for ui.perfetto.dev");
    command.add_option("--out", out_, "Write the whole story into a file, to be read again");
    command.add_flag("--json", json_, "Print a line of JSON for each moment");
    command.add_flag("--force", force_, "Also for a token of another build");
  }

  int run() override {
    const auto ready = make_choice();
    if (!ready) return complain(ready.error());
    const auto story = find_story(token_, force_);
    if (!story) return complain(story.error());
    if (!html_.empty() || !perfetto_.empty() || !out_.empty()) return write(**story);
    print(**story);
    return all_passed;
  }

 private:
  static int complain(const Error& error) {
    std::cerr << error.detail << "\n";
    return bad_usage;
  }

  Result<void> make_choice() {
    choice_.nodes.insert(nodes_.begin(), nodes_.end());
    TRY_VOID(trace::choose_kinds(choice_, kinds_));
    if (!around_.empty()) {
      TRY(event, event_number(around_));
      choice_.around = event;
    }
    constexpr std::string_view prefix = "invocation:";
    choice_.follow = follow_.starts_with(prefix) ? follow_.substr(prefix.size()) : follow_;
    return {};
  }

  int write(const trace::Story& story) const {
    const auto file = [](const std::string& path, auto make) -> Result<void> {
      if (path.empty()) return {};
      TRY_VOID(trace::write_file(path, make()));
      std::cout << "wrote " << path << "\n";
      return {};
    };
    const auto done = [&]() -> Result<void> {
      TRY_VOID(file(html_, [&] { return trace::page_of(story); }));
      TRY_VOID(file(perfetto_, [&] { return trace::perfetto_of(story); }));
      return file(out_, [&] { return trace::to_bytes(story); });
    }();
    return done ? static_cast<int>(all_passed) : complain(done.error());
  }

  void print(const trace::Story& story) const {
    const std::vector<std::uint64_t> numbers = trace::chosen(story, choice_);
    if (json_) {
      for (const std::uint64_t number : numbers) std::cout << trace::json_of(story, number) << "\n";
      return;
    }
    const bool colour = ::isatty(STDOUT_FILENO) != 0;
    std::cout << trace::opening_of(story) << trace::column_heads();
    for (const std::uint64_t number : numbers) {
      std::cout << trace::line_of(story, number, colour) << "\n";
    }
    std::cout << fmt::format("{} of {} moments\n", numbers.size(), story.size())
              << trace::verdict_of(story);
  }

  std::string token_, kinds_, around_, follow_, html_, perfetto_, out_;
  std::vector<std::string> nodes_;
  trace::Choice choice_;
  bool json_ = false, force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_trace(CLI::App& command) { return std::make_unique<Trace>(command); }

}  // namespace perdure::sim::cli
