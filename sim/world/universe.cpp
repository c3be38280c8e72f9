#include "sim/world/universe.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "sim/bucket/bucket.h"
#include "sim/network/network.h"

namespace perdure::sim {

namespace {

Pick draw_pick(std::uint64_t seed) {
  const std::uint64_t percent = draw(seed, "pick", 0, 0) % 100;
  return percent < 30 ? Pick::first : percent < 70 ? Pick::any : Pick::priority;
}

}  // namespace

Universe::Universe(UniverseOptions options)
    : loop(options.limits),
      recorder(loop),
      mishaps(*this),
      weather(options.weather),
      options_(options),
      pick_(options.pick.value_or(draw_pick(options.seed))),
      http_over_streams_(
          options.http_over_streams.value_or(draw(options.seed, "http", 0, 0) % 5 == 0)),
      rocks_(options.rocks),
      network_(std::make_unique<Network>(*this)),
      bucket_(std::make_unique<Bucket>()) {}

Universe::~Universe() {
  while (!hosts_.empty()) hosts_.pop_back();
}

Host& Universe::add_host(HostOptions options) {
  const std::uint32_t number = loop.new_host();
  recorder.tell_host(options.name, options.shards, options.helper);
  hosts_.push_back(std::make_unique<Host>(*this, number, std::move(options)));
  return *hosts_.back();
}

Host* Universe::find_host(std::string_view name) {
  for (const auto& host : hosts_) {
    if (host->name() == name) return host.get();
  }
  return nullptr;
}

Host& Universe::host(std::string_view name) {
  Host* found = find_host(name);
  CHECK(found != nullptr);
  return *found;
}

Nanos Universe::latency(Dice& dice, const faults::Latency& latency) const {
  return nanos(latency.least) + dice.exponential(static_cast<double>(nanos(latency.mean)));
}

bool Universe::run_until(Nanos limit, const std::function<bool()>& done) {
  while (!loop.stopped() && !done()) {
    if (loop.idle()) {
      loop.report({.check = "liveness.deadlock",
                   .subject = "run",
                   .detail = "nothing is left to happen\n" + waiting()});
      return false;
    }
    if (!loop.step(limit)) return done();
  }
  return !loop.stopped();
}

std::string Universe::waiting() const {
  std::string text;
  for (const auto& host : hosts_) {
    if (!host->up()) {
      text += fmt::format("{} is down\n", host->name());
      continue;
    }
    for (std::uint32_t i = 0; i < host->shards(); ++i) {
      const host::Scheduler& scheduler = host->shard(i).scheduler();
      const Instant now = host->clocks().steady(loop.now());
      for (const host::Scheduler::Waiting& fiber : scheduler.parked()) {
        const auto ms = [now](Instant from, Instant to) {
          return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
        };
        text += fmt::format("{}.{}/{} {} waits since {} ms", host->name(), host->incarnation(), i,
                            fiber.name, ms(fiber.since, now));
        text += fiber.deadline == io::never
                    ? ", without a deadline\n"
                    : fmt::format(", for another {} ms\n", ms(now, fiber.deadline));
      }
    }
  }
  return text;
}

}  // namespace perdure::sim
