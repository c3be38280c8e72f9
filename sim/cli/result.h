// sim/cli/result.h
//
// What the parent knows of one finished seed, and the line of JSON in which a worker
// says it (also the line of --json).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {

// Unknown: a checker ran out of its budget and says so.
enum class Outcome { passed, failed, harness, nondeterminism, unknown };
std::string_view name_of(Outcome);

struct SeedResult {
  std::uint64_t seed = 0;
  Outcome outcome = Outcome::passed;
  std::string check, subject, detail;
  std::string digest, drawn;
  std::string blocks;  // digests after each full block, 16 hex digits each; of twins only
  std::uint64_t events = 0, sim_ms = 0, wall_us = 0;
  std::map<std::string, std::uint64_t> marks;
};

// Of a process that ended with that status of waitpid() and those last words.  A failed
// CHECK of the engine is a finding; of the simulator, a broken harness.
SeedResult result_of_death(std::uint64_t seed, int status, const std::string& words);
// Tells two failures apart: check and subject, numbers aside.
std::string identity_of(const SeedResult&);
SeedResult result_of(std::uint64_t seed, const Verdict& verdict, bool with_blocks = false);
std::string to_json(const SeedResult&);  // one line, without its end
Result<SeedResult> from_json(std::string_view line);

}  // namespace perdure::sim::cli
