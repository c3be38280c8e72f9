// sim/program.h
//
// perdure-sim as a function: the whole command line, over the scenarios that are there and
// those of one's own.
//
//     int main(int argc, char** argv) {
//       return perdure::sim::program(argc, argv, {sim::rehearsal<Transfers>("transfers", "...")});
//     }
//
// The first of one's own is then what `run` runs by default.  Seeds are run by processes,
// which are this very program again: what it does before this call it does in each of them.
#pragma once

#include <vector>

#include "sim/scenario.h"

namespace perdure::sim {

// Once in a process.
int program(int argc, char** argv, std::vector<Scenario> own = {});

}  // namespace perdure::sim
