// perdure-sim: runs seeds, replays one, tells its story, examines itself.
//
//     perdure-sim run --seeds 1000 --jobs 2
//     perdure-sim replay S1-3fa2c1d0-journal-77120
//     perdure-sim doctor
//
// Each verb is a file in sim/cli; the exit codes stand in sim/cli/report.h.
#include "sim/program.h"

int main(int argc, char** argv) { return perdure::sim::program(argc, argv); }
