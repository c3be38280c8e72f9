// sim/fault_text.h
//
// One fault as the message of a scenario file: by the names of its fields, so that a new
// fault needs its message in sim/scenario.proto and nothing here.
#pragma once

#include "engine/base/result.h"
#include "faults/fault.h"

namespace perdure::sim {

namespace text {
class Op;
}

Result<faults::Fault> fault_of(const text::Op& op);  // invalid
void put_fault(const faults::Fault& fault, text::Op& op);

Duration span_of_ms(double ms);
double ms_of_span(Duration span);

}  // namespace perdure::sim
