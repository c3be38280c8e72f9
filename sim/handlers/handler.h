// sim/handlers/handler.h
//
// One scripted handler: its place in the manifest, and what it does.
#pragma once

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
};

// Those that use every feature there is: Map, Flow, Fan, Failer, Loop.
std::span<const Handler> tour_handlers();

}  // namespace perdure::sim
