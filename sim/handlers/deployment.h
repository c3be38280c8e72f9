// sim/handlers/deployment.h
//
// A deployment of scripted services, as a guest of a simulated host: answers discovery
// and runs attempts, over io::Http only.
//
//     Counter (object)   add: token -> count          get: -> count
//     List (object)      append: token -> position    items: -> "a,b,c"
//     Echo               echo: text -> text, by way of a run
//     Sleeper            nap: "<ms> <token>" -> token
//     Awake              wait: token -> what the awakeable was resolved with
//     Chain              call: "<key> <token>" -> List.append's answer
//                        spread: "<key> <token>" -> sends it to the list, answers at once
//     Map, Flow ...      see tour_handlers.cpp
//
// Every handler is deterministic: of two attempts at one invocation each gives the same
// commands, so any difference between journal and handler is the server's doing.
#pragma once

#include <string>

#include "sdk/manifest.h"
#include "sim/handlers/dialogue.h"
#include "sim/world/host.h"

namespace perdure::sim {

struct DeploymentOptions {
  std::string address = "0.0.0.0:9080";
  Mischief mischief;
  std::string release;  // part of the names of its steps: two releases' journals differ
  sdk::Mode mode = sdk::Mode::bidirectional;  // what it says that it speaks
};

// Both outlive the host.
Factory deployment(const DeploymentOptions& options, HandlerWatch& watch);

// The manifest that /discover answers with (version 3).
std::string manifest(sdk::Mode mode = sdk::Mode::bidirectional);

// Runs the handler of that name in this dialogue; false when there is none.
bool run_handler(std::string_view service, std::string_view handler, Dialogue& dialogue,
                 HandlerWatch& watch);

}  // namespace perdure::sim
