// sim/cli/perturb.h
//
// What a twin run changes and its results must not: everything a process can see that
// is not its seed.
//
//     plain twin                        perturbed twin
//     addresses as the kernel draws     always the same addresses (ASLR off)
//     fresh memory as malloc has it     freed memory filled with 0xA5, fresh with 0x5A
//     TZ=UTC, LC_ALL=C                  other zone, a long variable more
//     working directory as it is        /
//
// There is no hash salt to change: nothing of ours iterates over a hashed container
// (gate/tidy).
#pragma once

#include <string>

namespace perdure::sim::cli {

enum class Twin { plain, perturbed };

// In a child, before exec.
void become(Twin twin);
// "no address randomisation, memory filled with 0xa5, ...", for reports.
std::string perturbations();

}  // namespace perdure::sim::cli
