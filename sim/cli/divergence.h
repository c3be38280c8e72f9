// sim/cli/divergence.h
//
// Where two runs of one seed first differ.  The digests of their blocks, 1,024 folds
// each, say how far they still agreed; so both sides are run again as far as the end of the
// first block that differs, each in a process of its own, writing down everything, and
// their stories are compared moment by moment.
//
//     blocks:  = = = = ≠            event 81240: here n1 ran 'apply', there 'flush'
//                      └► again, told: both sides' causes
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/result.h"
#include "sim/trace/story.h"

namespace perdure::sim::cli {

inline constexpr std::size_t digits_of_block = 16;
// The first block that differs, from 0; absent: they agree as far as both go.  Blocks
// as in SeedResult: 16 hex digits each.
std::optional<std::uint64_t> first_different_block(const std::string& a, const std::string& b);

// Numbers of the first moments that differ (the same on both sides); 0: none.
std::uint64_t first_difference(const trace::Story& a, const trace::Story& b);

// Both stories in words, or that it did not show again.
std::string tell_difference(const trace::Story& plain, const trace::Story& perturbed);

// Runs both sides again up to the end of that block and tells where they part.
Result<std::string> locate(const std::string& scenario, std::uint64_t seed, std::uint64_t block);

// The other side of it: runs, and writes the story into the file descriptor.
int tell_to(int descriptor, const std::string& scenario, std::uint64_t seed,
            std::uint64_t folds_max);

}  // namespace perdure::sim::cli
