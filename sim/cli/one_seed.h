// sim/cli/one_seed.h
//
// What verbs that look at one seed have in common: finding what a token names, and the
// last lines that say how it ended.
#pragma once

#include <string>

#include "engine/base/result.h"
#include "sim/cli/token.h"
#include "sim/scenario.h"

namespace perdure::sim::cli {

struct OneSeed {
  Token token;
  Plan plan;                         // of the token's scenario
  std::string title() const;         // what it is, for the first line of a report
  Verdict run(Config config) const;  // with the seed filled in
};
// By a token, or by the path of a schedule.  Errors: invalid or not_found, with a sentence
// for the user.  `force`: also a token of another build.
Result<OneSeed> find_seed(const std::string& token, bool force);

// "drawn", events, "passed" or "failed", "N passed, M failed"; the exit code.
int print_verdict(const Verdict& verdict);

}  // namespace perdure::sim::cli
