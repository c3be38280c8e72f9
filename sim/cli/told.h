// sim/cli/told.h
//
// A run with its story: what `trace`, `why` and `replay` look at, whether it comes from a
// token, by running the seed again, or from a file that an earlier trace wrote.
#pragma once

#include <memory>
#include <string>

#include "engine/base/result.h"
#include "sim/cli/one_seed.h"
#include "sim/trace/story.h"

namespace perdure::sim::cli {

struct Told {
  std::unique_ptr<trace::Story> story;
  Verdict verdict;
};

// Runs the seed, which writes down everything.
Told tell(const OneSeed& seed, Config config = {});

// By a token ("S1-…"), a schedule, or the path of a story file.  Errors: with a sentence for the
// user.
Result<std::unique_ptr<trace::Story>> find_story(const std::string& token_or_file, bool force);

// "event:812345" or "812345"; invalid.
Result<std::uint64_t> event_number(const std::string& text);

}  // namespace perdure::sim::cli
