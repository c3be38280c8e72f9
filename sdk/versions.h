// sdk/versions.h
//
// Which versions of the service protocol handlers speak.
#pragma once

#include <cstdint>

namespace perdure::sdk {

inline constexpr std::uint32_t oldest_version = 5;
inline constexpr std::uint32_t newest_version = 7;

}  // namespace perdure::sdk
