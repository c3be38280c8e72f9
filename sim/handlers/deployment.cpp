#include "sim/handlers/deployment.h"

#include <array>
#include <chrono>
#include <vector>

#include "engine/io/fibers.h"
#include "sim/handlers/handler.h"

namespace perdure::sim {

namespace {

// Passes on what a callee or a cancel says; everything else ended the attempt.
Result<void> answer(Dialogue& ctx, const Result<std::string>& result) {
  if (result) return ctx.output(*result);
  if (result.error().code == Code::conflict) return ctx.output_failure(409, result.error().detail);
  return std::unexpected(result.error());
}

Result<std::string> counter_add(Dialogue& ctx, HandlerWatch&) {
  TRY(stored, ctx.get("count"));
  const std::string count = std::to_string(stored ? std::stoull(*stored) + 1 : 1);
  TRY_VOID(ctx.set("count", count));
  return count;
}

Result<std::string> counter_get(Dialogue& ctx, HandlerWatch&) {
  TRY(stored, ctx.get("count"));
  return stored.value_or("0");
}

Result<std::string> list_append(Dialogue& ctx, HandlerWatch&) {
  TRY(stored, ctx.get("items"));
  const std::string items = stored ? *stored + "," + ctx.input() : ctx.input();
  TRY_VOID(ctx.set("items", items));
  return std::to_string(1 + std::ranges::count(items, ','));
}

Result<std::string> list_items(Dialogue& ctx, HandlerWatch&) {
  TRY(stored, ctx.get("items"));
  return stored.value_or("");
}

Result<std::string> echo(Dialogue& ctx, HandlerWatch&) {
  const std::string input = ctx.input();
  return ctx.run("echo", [&input] { return input; });
}

Result<std::string> nap(Dialogue& ctx, HandlerWatch&) {
  const std::string& input = ctx.input();
  const std::size_t blank = input.find(' ');
  if (blank == input.npos) return fail(Code::conflict, "want milliseconds and a token");
  TRY_VOID(ctx.sleep(std::chrono::milliseconds(std::stoll(input.substr(0, blank)))));
  return input.substr(blank + 1);
}

Result<std::string> wait_awakeable(Dialogue& ctx, HandlerWatch& watch) {
  const Dialogue::Awakeable awakeable = ctx.awakeable();
  TRY(told, ctx.run("tell", [&] {
    watch.awakeable(ctx.input(), awakeable.id);
    return awakeable.id;
  }));
  (void)told;
  return ctx.await(awakeable);
}

struct KeyAndToken {
  std::string key, token;
};
Result<KeyAndToken> key_and_token(const std::string& input) {
  const std::size_t blank = input.find(' ');
  if (blank == input.npos) return fail(Code::conflict, "want a key and a token");
  return KeyAndToken{input.substr(0, blank), input.substr(blank + 1)};
}

Result<std::string> chain_call(Dialogue& ctx, HandlerWatch&) {
  TRY(target, key_and_token(ctx.input()));
  return ctx.call("List", "append", target.key, target.token);
}

Result<std::string> chain_spread(Dialogue& ctx, HandlerWatch&) {
  TRY(target, key_and_token(ctx.input()));
  TRY_VOID(ctx.send("List", "append", target.key, target.token));
  return target.token;
}

constexpr std::array basic_handlers = {
    // by service
    Handler{"Counter", "VIRTUAL_OBJECT", "add", "EXCLUSIVE", counter_add},
    Handler{"Counter", "VIRTUAL_OBJECT", "get", "SHARED", counter_get},
    Handler{"List", "VIRTUAL_OBJECT", "append", "EXCLUSIVE", list_append},
    Handler{"List", "VIRTUAL_OBJECT", "items", "SHARED", list_items},
    Handler{"Echo", "SERVICE", "echo", "", echo},
    Handler{"Sleeper", "SERVICE", "nap", "", nap},
    Handler{"Awake", "SERVICE", "wait", "", wait_awakeable},
    Handler{"Chain", "SERVICE", "call", "", chain_call},
    Handler{"Chain", "SERVICE", "spread", "", chain_spread},
};

const Handler* find_handler(std::string_view service, std::string_view name) {
  for (const std::span<const Handler> all :
       {std::span<const Handler>(basic_handlers), tour_handlers()}) {
    for (const Handler& handler : all) {
      if (handler.service == service && handler.name == name) return &handler;
    }
  }
  return nullptr;
}

void serve(io::World world, io::Exchange& exchange, const DeploymentOptions& options,
           HandlerWatch& watch) {
  const std::string& target = exchange.request().target;
  if (target == "/discover") {
    return exchange.respond(
        {.status = 200,
         .headers = {{"content-type", "application/vnd.restate.endpointmanifest.v3+json"}}},
        manifest(options.mode));
  }
  constexpr std::string_view prefix = "/invoke/";
  const std::size_t slash = target.rfind('/');
  if (!target.starts_with(prefix) || slash < prefix.size()) {
    return exchange.respond({.status = 404}, "");
  }
  Dialogue dialogue(world, exchange, options.mischief, watch, options.release);
  if (!dialogue.begin()) return;
  const std::string service = target.substr(prefix.size(), slash - prefix.size());
  const std::string name = target.substr(slash + 1);
  if (!run_handler(service, name, dialogue, watch)) exchange.reset();
}

class Deployment final : public Guest {
 public:
  Deployment(std::span<const io::World> worlds, const DeploymentOptions& options,
             HandlerWatch& watch)
      : worlds_(worlds.begin(), worlds.end()), options_(options), watch_(watch) {}

  void run(std::uint32_t shard) override {
    io::World world = worlds_[shard];
    auto server = world.http.serve(options_.address, {}, [this, world](io::Exchange& exchange) {
      serve(world, exchange, options_, watch_);
    });
    if (!server) return;
    servers_.push_back(std::move(*server));
  }

 private:
  std::vector<io::World> worlds_;
  const DeploymentOptions options_;
  HandlerWatch& watch_;
  std::vector<std::unique_ptr<io::HttpServer>> servers_;
};

}  // namespace

bool run_handler(std::string_view service, std::string_view name, Dialogue& dialogue,
                 HandlerWatch& watch) {
  const Handler* handler = find_handler(service, name);
  if (handler == nullptr) return false;
  watch.began(dialogue.start().debug_id, service, dialogue.start().key, name,
              handler->type == "EXCLUSIVE");
  (void)answer(dialogue, handler->run(dialogue, watch));
  return true;
}

std::string manifest(sdk::Mode mode) {
  std::string json = R"({"protocolMode":")";
  json += mode == sdk::Mode::bidirectional ? "BIDI_STREAM" : "REQUEST_RESPONSE";
  json += R"(","minProtocolVersion":5,"maxProtocolVersion":7,"services":[)";
  std::string_view service;
  std::vector<Handler> handlers(basic_handlers.begin(), basic_handlers.end());
  handlers.insert(handlers.end(), tour_handlers().begin(), tour_handlers().end());
  for (const Handler& handler : handlers) {
    if (handler.service != service) {
      if (!service.empty()) json += "]},";
      service = handler.service;
      json += R"({"name":")" + std::string(service) + R"(","ty":")" +
              std::string(handler.service_type) + R"(","handlers":[)";
    } else {
      json += ",";
    }
    json += R"({"name":")" + std::string(handler.name) + '"';
    if (!handler.type.empty()) json += R"(,"ty":")" + std::string(handler.type) + '"';
    if (handler.lazy_state) json += R"(,"enableLazyState":true)";
    if (handler.idempotency_retention.count() > 0) {
      json += R"(,"idempotencyRetention":)" + std::to_string(handler.idempotency_retention.count());
    }
    if (handler.attempts_max > 0) {
      json += R"(,"retryPolicyMaxAttempts":)" + std::to_string(handler.attempts_max) +
              R"(,"retryPolicyOnMaxAttempts":")" + std::string(handler.then) + '"';
    }
    json += "}";
  }
  return json + "]}]}";
}

Factory deployment(const DeploymentOptions& options, HandlerWatch& watch) {
  return [options, &watch](std::span<const io::World> worlds) {
    return std::make_unique<Deployment>(worlds, options, watch);
  };
}

}  // namespace perdure::sim
