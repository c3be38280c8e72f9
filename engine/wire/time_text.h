// engine/wire/time_text.h
//
// Durations and instants as people and SDKs write them, and as we write them back.
//
//     friendly    "5s"  "1h 30m"  "60 sec"  "1 day, 2 hours"  "01:02:03"
//     ISO 8601    "PT60S"  "P1DT2H3M4.5S"
//
// Units go from large to small, each at most once; only the last may have a fraction,
// and only when it is an hour or shorter.  Years and months are no fixed time: refused.
// What is finer than a millisecond is rounded up, so that a delay is never cut short.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/base/time.h"

namespace perdure::wire {

// At most this much: about 20,000 years.
inline constexpr std::chrono::milliseconds duration_text_max = std::chrono::hours(24 * 7'304'484LL);

Result<std::chrono::milliseconds> duration_from_text(std::string_view);  // invalid, and says why

// "1d 2h 3m 4s 5ms", without what is zero; "0s".
std::string duration_text(std::chrono::milliseconds);

// RFC 3339.  `digits` of a second's fraction, 0 to 9; `zone` is "Z" or "+00:00".
std::string instant_text(WallTime, int digits, std::string_view zone);
// The last instant whose year has four digits.
inline constexpr WallTime instant_text_max{std::chrono::milliseconds(253'402'300'799'999)};

}  // namespace perdure::wire
