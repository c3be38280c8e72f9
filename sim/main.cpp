// perdure-sim: runs seeds, replays one, tells its story, examines itself.
//
//     perdure-sim run --seeds 1000 --jobs 2
//     perdure-sim replay S1-3fa2c1d0-journal-77120
//     perdure-sim doctor
//
// Each verb is a file in sim/cli; the exit codes stand in sim/cli/report.h.
#include <CLI/CLI.hpp>

#include "sim/cli/report.h"
#include "sim/cli/verb.h"

namespace perdure::sim::cli {
namespace {

int main(int argc, char** argv) {
  CLI::App app("Runs Perdure in a simulated world, one seed after the other.", "perdure-sim");
  app.require_subcommand(1);
  struct Parsed {
    CLI::App* command;
    std::unique_ptr<Verb> verb;
  };
  std::vector<Parsed> parsed;
  for (const VerbEntry& entry : verbs()) {
    CLI::App* command = app.add_subcommand(std::string(entry.name), std::string(entry.story));
    if (entry.story.empty()) command->group("");
    parsed.push_back({.command = command, .verb = entry.make(*command)});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_passed : bad_usage;
  }
  for (const Parsed& each : parsed) {
    if (each.command->parsed()) return each.verb->run();
  }
  return bad_usage;
}

}  // namespace
}  // namespace perdure::sim::cli

int main(int argc, char** argv) { return perdure::sim::cli::main(argc, argv); }
