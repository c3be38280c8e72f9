// sim/exam/examiner.h
//
// Runs seeds against planted programs until a checker speaks, or long enough.
//
//     EASY      50 seeds in each of three ranges that do not touch: found in every one
//     MEDIUM    500,  HARD 5,000: found in one range
//     CONTROL   2,000, of each control others: nobody speaks
//
// A finding counts only if the same seed without the plant passes; otherwise it is noise
// and the exam says so.  A plant that names no scenario is looked for in the default one,
// and then in all others that meet it within a few seeds, which share as many seeds; a
// control in the default one only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/exam/result.h"

namespace perdure::sim::exam {

struct ExamOptions {
  std::uint64_t seeds_most = 5000;  // also for classes that allow more
  std::uint32_t jobs = 1;
  std::vector<std::string> scenarios;  // for plants that name none; the first is tried first
  std::filesystem::path counters;      // a file of ours, for what programs count
  std::filesystem::path plain;         // the program without any plant
};

// One seed of one program, as the examiner sees it.
struct SeedSeen {
  std::uint64_t seed = 0;
  bool failed = false;
  std::string check, detail, digest;
};
// Runs seeds [from, to) of a scenario on a program with one plant switched on; stops
// early after a failure.  Given in any order.
using RunSeeds = std::function<std::vector<SeedSeen>(
    const std::filesystem::path& program, std::uint32_t plant, const std::string& scenario,
    std::uint64_t from, std::uint64_t to, std::uint32_t jobs, bool stop_at_failure)>;

class Examiner {
 public:
  Examiner(ExamOptions options, RunSeeds run)
      : options_(std::move(options)), run_(std::move(run)) {}

  PlantResult examine(const Plant& plant, const Planted& planted);

 private:
  struct Counts {
    std::uint64_t reached = 0, mattered = 0;
  };
  Counts counts() const;
  void reset_counts() const;
  // One scenario after the other, until something is found.
  Range search(PlantResult& result, const Planted& planted, std::uint64_t from,
               std::uint64_t seeds);
  struct Seeds {
    std::uint64_t all = 0, done = 0;
  };
  // True: found.  Stops after a few seeds if `may_skip` and the plant is not met in them.
  bool search_one(PlantResult& result, Range& range, const Planted& planted,
                  const std::string& scenario, Seeds seeds, bool may_skip);
  const SeedSeen& unplanted(const std::string& scenario, std::uint64_t seed);
  void compare(PlantResult& result, const std::string& scenario, const SeedSeen& seen);

  const ExamOptions options_;
  const RunSeeds run_;
  std::map<std::pair<std::string, std::uint64_t>, SeedSeen> unplanted_;
  std::uint64_t controls_ = 0;  // examined
};

}  // namespace perdure::sim::exam
