// engine/admin/requests.h
//
// A command of an operator on its way into a partition's log: a record with a request id,
// so that it can be submitted until it is known to have taken effect, and has it once.
#pragma once

#include "engine/admin/routes.h"
#include "engine/wire/command.h"

namespace perdure::admin {

// Parks.  Errors as Partitions::submit, after give_up_after.
Result<void> submit(const Call&, std::uint64_t partition_key, wire::Command);

}  // namespace perdure::admin
