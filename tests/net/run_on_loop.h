// tests/net/run_on_loop.h
//
// One fiber on a real loop, on the thread of the test, until it ends.
#pragma once

#include <functional>
#include <utility>

#include "net/loop/loop.h"

namespace perdure::net {

inline void run_on(Loop& loop, std::move_only_function<void()> body) {
  loop.scheduler.spawn_root("test", [&loop, body = std::move(body)]() mutable {
    body();
    loop.stop();
  });
  loop.run();
}

}  // namespace perdure::net
