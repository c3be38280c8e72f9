// sdk/endpoint.h
//
// Services behind io::Http: discovery, and one attempt for each request.
//
//     GET  …/discover                     the manifest, of the newest version asked for
//     POST …/invoke/{service}/{handler}   an attempt, streamed both ways
//     GET  …/health                       200
//
//     Endpoint endpoint(services, {}, around);
//     world.http.serve("0.0.0.0:9080", {}, [&](io::Exchange& e) { endpoint.serve(e); });
//
// Life: outlives the server that it answers for.
// Not here: listening (sdk/serve does it for a process), signatures of the server's
// requests.
#pragma once

#include <string_view>
#include <vector>

#include "engine/io/http.h"
#include "sdk/manifest.h"
#include "sdk/service.h"
#include "sdk/surroundings.h"

namespace perdure::sdk {

struct EndpointOptions {
  // Request and response: for servers or proxies that cannot stream both ways at once.
  Mode mode = Mode::bidirectional;
};

class Endpoint {
 public:
  // `around` is kept by value; what it refers to outlives this.
  Endpoint(std::vector<Service> services, EndpointOptions options, const Surroundings& around)
      : services_(std::move(services)), options_(options), around_(around) {}
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Parks.  In the fiber of the exchange, which may be cancelled.
  void serve(io::Exchange& exchange) const;

 private:
  void discover(io::Exchange& exchange) const;
  void invoke(io::Exchange& exchange, std::string_view service, std::string_view handler) const;
  const Handler* find(std::string_view service, std::string_view handler) const;

  const std::vector<Service> services_;
  const EndpointOptions options_;
  const Surroundings around_;
};

}  // namespace perdure::sdk
