// sim/cli/report.h
//
// What a campaign of seeds came to: the lines on the terminal, the JUnit file, the JSON
// lines, and the exit code.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "sim/cli/result.h"

namespace perdure::sim::cli {

// simulation.md 4.10, in the order of their weight.
enum ExitCode {
  all_passed = 0,
  check_failed = 1,
  inconclusive = 2,  // only verdicts that a checker could not reach in its budget
  nondeterminism = 3,
  harness_error = 4,
  mark_missed = 5,
  bad_usage = 64,
};

class Report {
 public:
  struct Options {
    std::string scenario;
    std::uint64_t seeds = 0;                     // how many will come
    std::string junit, json;                     // files; "" for none
    std::map<std::string, std::uint64_t> marks;  // required: so many hits in the campaign
    bool progress = false;                       // on a terminal
  };
  explicit Report(Options options);

  void add(const SeedResult& result);
  // Prints the last lines, writes the files.
  ExitCode finish(double wall_seconds);

  std::uint64_t passed() const { return passed_; }
  std::uint64_t failed() const { return failures_.size(); }
  const std::vector<SeedResult>& failures() const { return failures_; }

 private:
  void print_failure(const SeedResult& result) const;
  void print_progress() const;
  bool write_junit(double wall_seconds) const;

  const Options options_;
  std::ofstream json_;
  std::uint64_t passed_ = 0, events_ = 0, sim_ms_ = 0;
  std::vector<SeedResult> failures_;
  std::map<std::string, std::uint64_t> by_identity_;  // check and subject
  std::map<std::string, std::uint64_t> marks_;
};

}  // namespace perdure::sim::cli
