// sim/cli/workers.h
//
// Seeds are run by processes, not threads: a crash costs one seed, and the parent knows
// which.  A worker is this program again ("worker SCENARIO"); it reads seeds, one a
// line, with 1 when the digests of its blocks are wanted too, and answers each with a
// line of JSON.
//
//     parent ── "77120 0\n" ──► worker ── {"seed":77120,...} ──► parent
//
// Every second worker runs perturbed (perturb.h).  A seed whose two runs there and here
// differ in their digest has found nondeterminism; then the first event in which they
// differ is looked for (divergence.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cli/result.h"

namespace perdure::sim::cli {

struct WorkOrder {
  std::string scenario;
  std::vector<std::uint64_t> seeds;
  std::uint32_t jobs = 1;
  std::uint32_t twins_one_in = 20;  // so many seeds run twice, on different workers
  std::optional<std::chrono::steady_clock::time_point> until;  // no new seed after that
  bool fail_fast = false;
  std::string program = "/proc/self/exe";  // a simulator; this one, or one with a plant
  std::map<std::string, std::string> environment = {};  // of workers, beside our own
};

// Calls `done` for each seed, in the order of their finishing.
void run_seeds(const WorkOrder& order, const std::function<void(const SeedResult&)>& done);

// The other side: stdin to stdout until the end of input.
int work(const std::string& scenario);

// Of processor time, and of memory: beyond, the process is killed.
inline constexpr std::uint32_t seconds_per_seed = 60;
void limit_this_process(std::uint32_t seconds);

}  // namespace perdure::sim::cli
