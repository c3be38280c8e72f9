// sim/check/history_export.h
//
// A history for checkers of linearizability outside of here: JSON lines in the order of
// time,
//
//     {"process":3,"type":"invoke","f":"add","key":"k1","value":1,"time":12004311}
//     {"process":3,"type":"ok","f":"add","key":"k1","value":17,"time":13220100}
//
// process  the client, plus 1,000 for each of its operations before that never came to an
//          end; 0 is the reader after the heal
// type     invoke, then ok (it happened), fail (it did not), info (nobody knows)
// f        add: increments, its ok says the count after it; get: its ok says the count
// time     ns since the run began
//
// Only what acts on one counter is in it: the other verbs' answers are unique tokens,
// which history.h judges exactly.
#pragma once

#include <span>
#include <string>

#include "sim/check/history.h"

namespace perdure::sim {

std::string json_lines(std::span<const Operation> operations, std::span<const FinalRead> reads);

}  // namespace perdure::sim
