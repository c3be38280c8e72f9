// engine/node/operations.h
//
// The node's own port: is it alive, and what does it count.
//
//     GET /health    JSON: name, cluster, incarnation, partitions led and applied
//     GET /metrics   Prometheus text, from the host (Options::metrics)
#pragma once

#include <functional>
#include <string>

#include "engine/io/http.h"
#include "engine/io/world.h"

namespace perdure::node {

class Operations {
 public:
  // Each is asked in the fiber of a request, and may park.
  struct Sources {
    std::function<std::string()> health;   // JSON
    std::function<std::string()> metrics;  // Prometheus text
  };
  explicit Operations(Sources sources) : sources_(std::move(sources)) {}

  void serve(io::Exchange&);

 private:
  const Sources sources_;
};

}  // namespace perdure::node
