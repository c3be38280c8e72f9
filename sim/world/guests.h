// sim/world/guests.h
//
// Guests of one function: for clients, handlers and tests, whose whole life is a few
// lines in a fiber.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "sim/world/host.h"

namespace perdure::sim {

// Runs `body` on each shard; it may return.  What it starts must live in groups of its
// own, which it joins.
inline Factory each_shard(std::function<void(io::World&, std::uint32_t shard)> body) {
  class Body final : public Guest {
   public:
    Body(std::span<const io::World> worlds,
         std::function<void(io::World&, std::uint32_t shard)> run)
        : worlds_(worlds.begin(), worlds.end()), run_(std::move(run)) {}
    void run(std::uint32_t shard) override { run_(worlds_[shard], shard); }

   private:
    std::vector<io::World> worlds_;
    const std::function<void(io::World&, std::uint32_t)> run_;
  };
  return [body = std::move(body)](std::span<const io::World> worlds) {
    return std::make_unique<Body>(worlds, body);
  };
}

inline Factory on_shard_0(std::function<void(io::World&)> body) {
  return each_shard([body = std::move(body)](io::World& world, std::uint32_t shard) {
    if (shard == 0) body(world);
  });
}

}  // namespace perdure::sim
