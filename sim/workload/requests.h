// sim/workload/requests.h
//
// One HTTP request of a simulated client or operator, and its answer as a whole.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/io/http.h"
#include "engine/io/world.h"

namespace perdure::sim {

struct Asked {
  std::string authority;  // "n1:8080"
  std::string method, target;
  io::Headers headers = {};
  std::string body = {};
  io::HttpVersion version = io::HttpVersion::http2;
};
struct Answered {
  int status = 0;
  std::string body;
  std::string invocation;  // x-restate-id, if there is one
  // It says nothing about what was asked: ask again.
  bool is_for_now() const { return status / 100 == 5 || status == 429 || status == 408; }
};

// A fourth of all clients speak HTTP/1.1.
io::HttpVersion some_version(io::World& world);

Result<Answered> ask(io::World& world, const Asked& asked, Instant deadline);

}  // namespace perdure::sim
