#include "engine/node/operations.h"

namespace perdure::node {
namespace {

io::Response head(int status, std::string content_type) {
  return {.status = status, .headers = {{"content-type", std::move(content_type)}}};
}

}  // namespace

void Operations::serve(io::Exchange& exchange) {
  const io::Request& request = exchange.request();
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (request.method != "GET" && request.method != "HEAD") {
    return exchange.respond(head(405, "text/plain"), "method not allowed\n");
  }
  if (path == "/health") {
    return exchange.respond(head(200, "application/json"), sources_.health());
  }
  if (path == "/metrics") {
    return exchange.respond(head(200, "text/plain; version=0.0.4"), sources_.metrics());
  }
  exchange.respond(head(404, "text/plain"), "the node port has /health and /metrics\n");
}

}  // namespace perdure::node
