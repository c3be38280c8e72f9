// engine/wire/id_text.h
//
// Why a text is not the id that somebody took it for, in the words clients know:
// "bad format", "bad length", "id doesn't match the expected type", …  For answers to
// people; the ids themselves are in ids.h.
#pragma once

#include <string>
#include <string_view>

#include "engine/wire/ids.h"

namespace perdure::wire {

// ids.h's from_text, the error's detail in those words.
Result<InvocationId> invocation_id_from_client(std::string_view);
Result<DeploymentId> deployment_id_from_client(std::string_view);
Result<AwakeableId> awakeable_id_from_client(std::string_view);

}  // namespace perdure::wire
