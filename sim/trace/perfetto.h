// sim/trace/perfetto.h
//
// A story in Chrome's trace format, for ui.perfetto.dev and chrome://tracing: a process
// a host; lives, misfortunes and operations as slices, what the engine said as
// instants, messages as flows.
#pragma once

#include <string>

#include "sim/trace/story.h"

namespace perdure::sim::trace {

std::string perfetto_of(const Story& story);

}  // namespace perdure::sim::trace
