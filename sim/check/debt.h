// sim/check/debt.h
//
// What a server still has on its disk when all work is done.  Results are kept; what is
// pending is not: no live invocation, no lock, no timer, no message to be sent, and no
// journal but those that are kept with a result.
//
// Looks at the tables of the machine, not at the server: rows that are only in memory
// are not seen, so ask when everything was laid down by a checkpoint.
#pragma once

#include <cstdint>
#include <string>

#include "sim/tables/tables.h"

namespace perdure::sim {

// Empty: nothing is left over.  Else what is, in words.  Of `abandoned` invocations
// nobody will ever say what they wait for.
std::string debt_in(const TableStore& store, std::uint64_t abandoned);

}  // namespace perdure::sim
