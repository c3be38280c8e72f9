// sim/cli/verb.h
//
// A verb of perdure-sim: one file, which knows its own options and what it does.
//
//     verbs.cpp ── {name, story, make} ──► main: subcommand ──► make(subcommand) ──► run()
//
// To add one: a file beside this, and its line in verbs.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace perdure::sim::cli {

// Lives as long as the command line is parsed and run; its options land in its fields.
class Verb {
 public:
  virtual ~Verb() = default;
  virtual int run() = 0;  // the exit code of the process (report.h)
};

struct VerbEntry {
  std::string_view name;
  std::string_view story;                            // for --help; empty: not shown
  std::unique_ptr<Verb> (*make)(CLI::App& command);  // adds its options to `command`
};

std::span<const VerbEntry> verbs();

}  // namespace perdure::sim::cli
