// sim/cli/token.h
//
// Names one run of one build, to be pasted: S1-<build>-<scenario>-<seed>.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace perdure::sim::cli {

struct Token {
  std::string build, scenario;
  std::uint64_t seed = 0;
  std::string text() const;
  static Result<Token> from_text(std::string_view text);  // invalid
};

// Of this very executable: a hash of its bytes.
const std::string& build_id();

}  // namespace perdure::sim::cli
