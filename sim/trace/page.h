// sim/trace/page.h
//
// A story as one HTML file that needs nothing else: swim lanes of hosts, misfortunes as
// shaded windows, clients' operations as bars, messages as arrows, the verdict pinned
// where it fell, and for any moment the causes that led to it.
//
//     page.html + page.css + page_draw.js + page_act.js   kept as files, put into the
//                                                         program when it is built
//     + the data as one JSON value                        columns of moments, spans
//
// Turns and steps of fibers are left out: causes reach across them to what remains.
// Above moments_max further kinds go, the least telling first, and the page says so.
#pragma once

#include <string>

#include "sim/trace/story.h"

namespace perdure::sim::trace {

inline constexpr std::size_t moments_max = 300'000;

std::string page_of(const Story& story);

}  // namespace perdure::sim::trace
