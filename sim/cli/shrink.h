// sim/cli/shrink.h
//
// Shrinks one failing seed, tells how it goes, and writes the file (sim/shrink/shrink.h
// has the algorithm).
#pragma once

#include <cstdint>
#include <string>

#include "sim/cli/one_seed.h"

namespace perdure::sim::cli {

struct ShrinkOptions {
  std::uint64_t seconds = 300, tries = 1000;  // try nothing new beyond either
  std::string out;                            // empty: fail-<scenario>-<seed>.txtpb
};
int shrink_seed(const OneSeed& seed, const ShrinkOptions& options);  // the exit code

}  // namespace perdure::sim::cli
