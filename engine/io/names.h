// engine/io/names.h
//
// Promised   An answer is an address that the name had at some time.
// Allowed    It lags behind a change, takes seconds, or fails.
// Not here   caching: a connection keeps its address as long as it lives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/fibers.h"

namespace perdure::io {

class Names {
 public:
  virtual ~Names() = default;
  // Literal addresses, "127.0.0.1" or "::1", without port, at least one.
  // Errors: not_found, timed_out, cancelled.
  virtual Result<std::vector<std::string>> resolve(std::string_view host, Instant deadline) = 0;
};

}  // namespace perdure::io
