// sim/handlers/plain.h
//
// The services of deployment.h once more, as plain C++ handlers: what a user of the sdk
// would write, in a world that does to it what no user would wish.
//
//     Counter, List, Echo, Sleeper, Awake, Chain     as there
//
// A service that has no plain form is served by its scripts here too, so that clients need
// not know which of the two they meet.
//
// What scripted handlers do wrong on purpose happens here around the handler: the
// connection is slow, breaks, or wants a suspension, and the handler itself throws.
#pragma once

#include <vector>

#include "sdk/service.h"
#include "sim/handlers/deployment.h"

namespace perdure::sim {

// Both outlive the host.
Factory plain_deployment(const DeploymentOptions& options, HandlerWatch& watch);

// The handlers alone, without mischief.
std::vector<sdk::Service> plain_services(HandlerWatch& watch);

}  // namespace perdure::sim
