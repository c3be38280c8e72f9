#include "sim/handlers/serve_handlers.h"

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/io/random.h"
#include "sdk/endpoint.h"

namespace perdure::sim {
namespace {

bool chance(io::Random& random, double probability) {
  if (probability <= 0) return false;
  return static_cast<double>(random.draw("handler.mischief") >> 11) * 0x1.0p-53 < probability;
}

// The very exchange, now and then slow, cut off, or out of patience.
class BadExchange final : public io::Exchange {
 public:
  BadExchange(io::Exchange& good, io::World& world, const Mischief& mischief)
      : good_(good), world_(world), mischief_(mischief) {}

  const io::Request& request() const override { return good_.request(); }
  io::HttpVersion version() const override { return good_.version(); }
  std::string peer() const override { return good_.peer(); }
  void respond(io::Response response, std::string body) override {
    good_.respond(std::move(response), std::move(body));
  }
  void start(io::Response response) override { good_.start(std::move(response)); }
  void finish() override {
    if (!vanished_) good_.finish();
  }
  void reset() override {
    if (!vanished_) good_.reset();
  }

  Result<std::string> read(Instant deadline) override {
    if (vanished_) return fail(Code::failed, "vanished");
    if (told_ && chance(world_.random, mischief_.suspend)) return std::string();
    return good_.read(deadline);
  }
  Result<void> write(std::string_view bytes, Instant deadline) override {
    told_ = true;  // so the journal was read
    if (chance(world_.random, mischief_.slow)) {
      const auto most = static_cast<std::uint64_t>(mischief_.slow_most.count());
      const auto pause =
          Duration(static_cast<Duration::rep>(world_.random.below("handler.slow", most)));
      TRY_VOID(world_.fibers.sleep_until(world_.fibers.now() + pause));
    }
    if (!vanished_ && chance(world_.random, mischief_.vanish)) {
      if (chance(world_.random, 0.5)) TRY_VOID(good_.write(bytes, deadline));
      vanished_ = true;
      good_.reset();
    }
    if (vanished_) return fail(Code::failed, "vanished");
    return good_.write(bytes, deadline);
  }

 private:
  io::Exchange& good_;
  io::World& world_;
  const Mischief& mischief_;
  bool told_ = false, vanished_ = false;
};

class Watching final : public sdk::Observer {
 public:
  explicit Watching(HandlerWatch& watch) : watch_(watch) {}
  void replayed(std::string_view invocation, std::string_view frames) override {
    watch_.replayed(invocation, frames);
  }
  void mismatched(std::string_view invocation, std::string_view detail) override {
    watch_.mismatched(invocation, detail);
  }
  void ran(std::string_view invocation, std::string_view name) override {
    watch_.ran(invocation, name);
  }
  void ended(std::string_view invocation) override { watch_.ended(invocation); }

 private:
  HandlerWatch& watch_;
};

// A handler that throws before it has begun, or when it has its answer already.
void spoil(std::vector<sdk::Service>& services, io::Random& random, double error) {
  for (sdk::Service& service : services) {
    for (sdk::Handler& handler : service.handlers) {
      handler.body = [body = std::move(handler.body), &random, error](sdk::Attempt& attempt) {
        if (chance(random, error)) throw std::runtime_error("out of luck");
        std::string answer = body(attempt);
        if (chance(random, error)) throw std::runtime_error("out of luck, at the end");
        return answer;
      };
    }
  }
}

class Serving final : public Guest {
 public:
  Serving(std::span<const io::World> worlds,
          const std::function<std::vector<sdk::Service>()>& services,
          const DeploymentOptions& options, HandlerWatch& watch, ServeFirst first)
      : worlds_(worlds.begin(), worlds.end()),
        options_(options),
        watching_(watch),
        first_(std::move(first)) {
    for (io::World& world : worlds_) {
      std::vector<sdk::Service> made = services();
      if (options_.mischief.error > 0) spoil(made, world.random, options_.mischief.error);
      endpoints_.push_back(std::make_unique<sdk::Endpoint>(
          std::move(made), sdk::EndpointOptions{.mode = options_.mode},
          sdk::Surroundings{.clock = world.clock,
                            .fibers = world.fibers,
                            .trace = world.trace,
                            .observer = &watching_}));
    }
  }

  void run(std::uint32_t shard) override {
    io::World& world = worlds_[shard];
    const sdk::Endpoint& endpoint = *endpoints_[shard];
    auto server =
        world.http.serve(options_.address, {}, [this, &world, &endpoint](io::Exchange& exchange) {
          if (first_ && first_(world, exchange)) return;
          BadExchange bad(exchange, world, options_.mischief);
          endpoint.serve(bad);
        });
    if (server) servers_.push_back(std::move(*server));
  }

 private:
  std::vector<io::World> worlds_;
  const DeploymentOptions options_;
  Watching watching_;
  const ServeFirst first_;
  std::vector<std::unique_ptr<sdk::Endpoint>> endpoints_;
  std::vector<std::unique_ptr<io::HttpServer>> servers_;
};

}  // namespace

Factory serve_handlers(std::function<std::vector<sdk::Service>()> services,
                       const DeploymentOptions& options, HandlerWatch& watch, ServeFirst first) {
  return [services = std::move(services), options, &watch,
          first = std::move(first)](std::span<const io::World> worlds) {
    return std::make_unique<Serving>(worlds, services, options, watch, first);
  };
}

}  // namespace perdure::sim
