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

enum class Outcome { passed, failed, harness, nondeterminism };
std::string_view name_of(Outcome);

struct SeedResult {
  std::uint64_t seed = 0;
  Outcome outcome = Outcome::passed;
  std::string check, subject, detail;
  std::string digest, drawn;
  std::uint64_t events = 0, sim_ms = 0, wall_us = 0;
  std::map<std::string, std::uint64_t> marks;
};

SeedResult result_of(std::uint64_t seed, const Verdict& verdict);
std::string to_json(const SeedResult&);  // one line, without its end
Result<SeedResult> from_json(std::string_view line);

}  // namespace perdure::sim::cli
