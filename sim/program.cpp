#include "sim/program.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "sim/cli/report.h"
#include "sim/cli/verb.h"

namespace perdure::sim {

using namespace cli;

int program(int argc, char** argv, std::vector<Scenario> own) {
  add_scenarios(std::move(own));
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

}  // namespace perdure::sim
