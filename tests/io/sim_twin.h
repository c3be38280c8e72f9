// tests/io/sim_twin.h
//
// A shard of a simulated world, on a fair day, under one seed.
#pragma once

#include "engine/io/world.h"
#include "sim/world/guests.h"
#include "sim/world/universe.h"
#include "tests/io/twins.h"

namespace perdure::io {

class SimTwin : public Twin {
 public:
  SimTwin() : host_(universe_.add_host({.name = "n1"})) {
    host_.start([](std::span<const World>) { return std::make_unique<sim::Guest>(); });
  }

  Fibers& fibers() override { return world().fibers; }
  Clock& clock() override { return world().clock; }
  Random& random() override { return world().random; }
  Streams& streams() override { return world().streams; }
  Names& names() override { return world().names; }
  Disk& disk() override { return world().disk; }
  Objects& objects() override { return world().objects; }
  Peers& peers() override { return world().peers; }
  Http& http() { return world().http; }  // at message level
  void run(std::move_only_function<void()> body) override {
    bool ended = false;
    host_.shard(0).spawn_root("test", [&ended, body = std::move(body)]() mutable {
      body();
      ended = true;
    });
    const sim::Nanos limit = universe_.loop.now() + 24ull * 3600 * sim::second;
    const bool in_time = universe_.run_until(limit, [&ended] { return ended; });
    EXPECT_TRUE(in_time) << universe_.waiting();
  }

 private:
  World world() { return host_.shard(0).world(); }

  sim::Universe universe_{{.seed = 1, .http_over_streams = false}};
  sim::Host& host_;
};

inline std::unique_ptr<Twin> make_sim_twin() { return std::make_unique<SimTwin>(); }

}  // namespace perdure::io
