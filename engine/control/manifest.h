// engine/control/manifest.h
//
// What an SDK says of itself at GET /discover: JSON of the endpoint manifest, versions 1
// to 4, read strictly: an unknown field or a value of the wrong type is refused, naming
// the place ("services[0].handlers[2].input.required: expected a boolean, got string"),
// because what we skipped today would be a behaviour that silently never worked.
#pragma once

#include <string_view>
#include <vector>

#include "engine/control/schema_error.h"
#include "engine/wire/schema.h"

namespace perdure::control {

inline constexpr std::uint32_t protocol_version_min = 5;  // of the service protocol, that we speak
inline constexpr std::uint32_t protocol_version_max = 7;

struct Manifest {
  wire::ProtocolMode mode = wire::ProtocolMode::bidi_stream;
  std::uint32_t min_protocol_version = 0, max_protocol_version = 0;
  std::vector<wire::Service> services;  // without revision and deployment
};

OrSchemaError<Manifest> manifest_from_json(std::string_view json);

}  // namespace perdure::control
