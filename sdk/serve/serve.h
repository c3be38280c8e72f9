// sdk/serve/serve.h
//
// Services as a program: an HTTP/2 endpoint on a port, until SIGTERM or SIGINT.
//
//     int main() {
//       return perdure::sdk::serve({sdk::object("Counter").exclusive("add", add)});
//     }
//
// One loop on the thread that calls; handlers are its fibers.  A closure of a run that
// blocks its thread says so (RunOptions::blocks), and runs on a pool of threads, or all
// others wait for it.  For more cores start the program more often, on ports of their own.
//
// On a stop no attempts are begun any more; those that run may end within `drain`, then
// they are cut off.  What they have not finished the server begins again elsewhere.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "sdk/sdk.h"

namespace perdure::sdk {

struct ServeOptions {
  std::string address = "0.0.0.0:9080";  // port 0: any; see `ready`
  EndpointOptions endpoint = {};
  std::size_t blocking_threads = 16;  // at most
  Duration drain = std::chrono::seconds(5);
  bool debug = false;  // more lines on standard error
  // Told the address really bound.  Absent: a line on standard output, "ready 0.0.0.0:9080".
  std::function<void(const std::string& address)> ready = {};
};

// 0 after a stop in order; 69 when the address is in use or no address, with a line on
// standard error.
int serve(std::vector<Service> services, ServeOptions options = {});

}  // namespace perdure::sdk
