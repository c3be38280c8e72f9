// sim/handlers/serve_handlers.h
//
// Any C++ handlers as a guest of a simulated host: a workload of one's own begins here.
//
//     universe.add_host({.name = "handlers", .helper = true})
//         .start(serve_handlers([] { return std::vector<sdk::Service>{counter()}; }, {}, watch));
#pragma once

#include <functional>
#include <vector>

#include "sdk/service.h"
#include "sim/handlers/deployment.h"

namespace perdure::sim {

// Asked first; true when it has answered the request itself.
using ServeFirst = std::function<bool(io::World&, io::Exchange&)>;

// `services` is called at each start of the host, for handlers without a memory of the
// last.  `watch` outlives the host.
Factory serve_handlers(std::function<std::vector<sdk::Service>()> services,
                       const DeploymentOptions& options, HandlerWatch& watch,
                       ServeFirst first = {});

}  // namespace perdure::sim
