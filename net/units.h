// net/units.h
//
// Numbers with units, as people write them in settings: "64MiB", "1500ms", "24h".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/time.h"

namespace perdure::net {

// Error of all: invalid.
Result<std::uint64_t> parse_number(std::string_view text);  // "1024", "10_000"
Result<std::uint64_t> parse_bytes(std::string_view text);   // B KB MB GB KiB MiB GiB; plain: bytes
Result<Duration> parse_duration(std::string_view text);     // ms s m h d
Result<bool> parse_truth(std::string_view text);            // true false

// The largest unit that leaves no rest: 67108864 is "64MiB", 90 s is "90s".
std::string bytes_as_text(std::uint64_t bytes);
std::string duration_as_text(Duration duration);

}  // namespace perdure::net
