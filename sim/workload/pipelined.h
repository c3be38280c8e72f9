// sim/workload/pipelined.h
//
// A client of HTTP/1.1 that does not wait: several requests in one breath, one behind the other
// on one connection, whose answers come in the same order.  Written and read by hand, so that
// nothing of what it checks is its own judge.
#pragma once

#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/world.h"
#include "sim/workload/requests.h"

namespace perdure::sim {

// How a request's body is sent.
enum class Body : std::uint8_t { whole, chunked, promised };

struct Pipelined {
  Asked asked;  // its authority and version do not count
  Body body = Body::whole;
};

// Each answer by that time.  Error: the connection ended before the last.  `conflict`: what came
// is not HTTP.
Result<std::vector<Answered>> ask_in_one_breath(io::World& world, const std::string& authority,
                                                const std::vector<Pipelined>& requests,
                                                Instant deadline);

}  // namespace perdure::sim
