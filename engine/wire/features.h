// engine/wire/features.h
//
// What a release can do that an older one cannot, by number: a feature is a new kind of record,
// a new field that must not be lost, a new way to lay rows down.  Numbers rise, one a release
// that needs one, and are never given twice.
//
//     1   all that the first release does
//
//     a node starts ──► its entry says what its build knows
//     all of them know 2 ──► the nodes configuration says: 2 is in use      (control/nodes.h)
//     a leader announces itself with 2 ──► from that record on 2 may be written there
//
// It never goes back.  A build that does not know what is in use is not let in; one that meets
// it in a log or in tables stops there and says so: nothing is misread.
#pragma once

#include <cstdint>

namespace perdure::wire {

inline constexpr std::uint32_t features_known = 1;  // by this build

}  // namespace perdure::wire
