// sim/trace/why.h
//
// Why did that happen?  From a moment back along the causes, to where the run began:
//
//     event 84131  n1 was told by client2 ...
//      because     client2 sent POST /Counter/k1/add
//      because     the fiber 'main' of client2 ran on
//      because     client2 asked: add k1 c2-7
//
// Turns, parks and steps of one fiber that say nothing new are folded, unless all of
// them are asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/trace/story.h"

namespace perdure::sim::trace {

// Numbers from `number` back to its first cause.
std::vector<std::uint64_t> causes_of(const Story& story, std::uint64_t number);

// The moment an event is best known by: the last transition in it, or its first moment.
std::uint64_t face_of_event(const Story& story, std::uint64_t event);

// In words, a line a cause.  `links_max` of the nearest.
std::string why(const Story& story, std::uint64_t number, std::size_t links_max, bool all,
                bool colour);

}  // namespace perdure::sim::trace
