// net/secret.h
//
// The secret that the nodes of a cluster and its operators share, and what a request to
// the node port shows to prove it:
//
//     perdure-proof: 1700000000000 5f2c...      milliseconds, HMAC-SHA256 in hex
//
// over time, method, target and body, so that a proof is good for one request within
// proof_age_max of its time, and no other.  Repeating it repeats that request only, and
// what those requests do is compare-and-set.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/io/http.h"

namespace perdure::net {

inline constexpr std::string_view proof_header = "perdure-proof";
inline constexpr Duration proof_age_max = std::chrono::minutes(1);

// The file's first line, without blanks at its ends.  Errors: failed, invalid (shorter
// than 16 bytes).
Result<std::string> read_secret(const std::string& path);

io::Header proof_of(std::string_view secret, const io::Request& request, std::string_view body,
                    WallTime now);
// Error: fenced, with the reason.
Result<void> admit(std::string_view secret, const io::Request& request, std::string_view body,
                   WallTime now);

}  // namespace perdure::net
