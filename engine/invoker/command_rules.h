// engine/invoker/command_rules.h
//
// What a handler may wish for, by the kind of its target.  A command that passes is
// well-formed: apply may decode it again and will find what it looks for.
//
//     read state        virtual objects, workflows
//     write state       their exclusive handlers and the workflow's run
//     promises          workflows
//     all else          everybody
//
// Calls are not here: they need the schema, see callee.h.
#pragma once

#include <optional>
#include <string_view>

#include "engine/invoker/failure.h"
#include "engine/wire/invocation.h"

namespace perdure::invoker {

std::optional<AttemptFailure> check_command(wire::MessageType, std::string_view payload,
                                            const wire::Target&);

}  // namespace perdure::invoker
