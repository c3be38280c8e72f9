// sdk/manifest.h
//
// What GET /discover answers: services and handlers as JSON of the endpoint manifest.
#pragma once

#include <span>
#include <string>

#include "sdk/service.h"

namespace perdure::sdk {

inline constexpr int oldest_manifest = 1;
inline constexpr int newest_manifest = 4;

enum class Mode { bidirectional, request_response };

// Of that version: what only later ones can say is left out.
std::string manifest(std::span<const Service> services, Mode mode, int version);

}  // namespace perdure::sdk
