// engine/ingress/input_rules.h
//
// May this body, with this content type, be given to this handler?  The handler's
// manifest says so (wire::InputRules); a JSON schema only asks for a body, it is not
// checked against.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/wire/schema.h"

namespace perdure::ingress {

// Absent: it may.  Else what clients are told, without "input validation error: ".
std::optional<std::string> wrong_input(const wire::InputRules&,
                                       std::optional<std::string_view> content_type,
                                       bool body_is_empty);

}  // namespace perdure::ingress
