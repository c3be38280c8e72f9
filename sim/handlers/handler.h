// sim/handlers/handler.h
//
// One scripted handler: its place in the manifest, and what it does.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "sim/handlers/dialogue.h"
#include "sim/handlers/watch.h"

namespace perdure::sim {

struct Handler {
  std::string_view service, service_type, name, type;
  Result<std::string> (*run)(Dialogue&, HandlerWatch&);
  bool lazy_state = false;  // its state is not sent along, but asked for
  std::chrono::milliseconds idempotency_retention = {};  // zero: the server's default
  std::uint32_t attempts_max = 0;                        // zero: the server's default
  std::string_view then = {};                            // KILL or PAUSE
};

// Of Fleeting: short enough that a client sees its end.
inline constexpr std::chrono::milliseconds fleeting_retention{3000};

// Those that use every feature there is: Map, Flow, Fan, Failer, Hopeless, Loop, Fleeting.
std::span<const Handler> tour_handlers();

}  // namespace perdure::sim
