// tests/io/tables_host.h
//
// What tables_conformance.h needs of a twin.
#pragma once

#include <functional>

#include "engine/io/tables.h"

namespace tests {

using namespace perdure;

// One machine with tables.
class TablesHost {
 public:
  virtual ~TablesHost() = default;
  virtual void run(std::move_only_function<void()> body) = 0;  // in a fiber, to its end
  virtual io::Tables& tables() = 0;
  virtual void restart() = 0;  // a new process over the same disk; no family is open
};

}  // namespace tests
