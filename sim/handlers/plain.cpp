#include "sim/handlers/plain.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "sim/handlers/serve_handlers.h"

namespace perdure::sim {
namespace {

using sdk::Bytes;

// "<first> <rest>"
std::pair<std::string, std::string> two_words(const std::string& input) {
  const std::size_t blank = input.find(' ');
  if (blank == input.npos) throw sdk::TerminalError("want two words", 400);
  return {input.substr(0, blank), input.substr(blank + 1)};
}

Bytes stored(sdk::SharedObjectContext& ctx, std::string_view name, std::string_view otherwise) {
  return ctx.get<Bytes>(name).value_or(Bytes{std::string(otherwise)});
}

sdk::Object counter() {
  return sdk::object("Counter")
      .exclusive("add",
                 [](sdk::ObjectContext& ctx, const Bytes&) {
                   const auto before = std::stoull(stored(ctx, "count", "0").content);
                   const Bytes count{std::to_string(before + 1)};
                   ctx.set("count", count);
                   return count;
                 })
      .shared("get", [](sdk::SharedObjectContext& ctx) { return stored(ctx, "count", "0"); });
}

sdk::Object list() {
  return sdk::object("List")
      .exclusive(
          "append",
          [](sdk::ObjectContext& ctx, const Bytes& token) {
            const auto before = ctx.get<Bytes>("items");
            const Bytes items{before ? before->content + "," + token.content : token.content};
            ctx.set("items", items);
            return Bytes{std::to_string(1 + std::ranges::count(items.content, ','))};
          })
      .shared("items", [](sdk::SharedObjectContext& ctx) { return stored(ctx, "items", ""); });
}

sdk::PlainService echo() {
  return sdk::service("Echo").handler("echo", [](sdk::Context& ctx, const Bytes& input) {
    return ctx.run("echo", [&] { return input; });
  });
}

sdk::PlainService sleeper() {
  return sdk::service("Sleeper").handler("nap", [](sdk::Context& ctx, const Bytes& input) {
    const auto [span, token] = two_words(input.content);
    ctx.sleep(std::chrono::milliseconds(std::stoll(span)));
    return Bytes{token};
  });
}

sdk::PlainService awake(HandlerWatch& watch) {
  return sdk::service("Awake").handler("wait", [&watch](sdk::Context& ctx, const Bytes& token) {
    const auto awakeable = ctx.awakeable<Bytes>();
    ctx.run("tell", [&] { watch.awakeable(token.content, awakeable.id()); });
    return awakeable.await();
  });
}

sdk::PlainService chain() {
  return sdk::service("Chain")
      .handler("call",
               [](sdk::Context& ctx, const Bytes& input) {
                 const auto [key, token] = two_words(input.content);
                 return ctx.object("List", key).call<Bytes>("append", Bytes{token}).await();
               })
      .handler("spread", [](sdk::Context& ctx, const Bytes& input) {
        const auto [key, token] = two_words(input.content);
        ctx.object("List", key).send("append", Bytes{token});
        return Bytes{token};
      });
}

// What has no plain form, and what is said of all: by the scripts.
bool serve_scripted(io::World& world, io::Exchange& exchange, const DeploymentOptions& options,
                    HandlerWatch& watch) {
  const std::string& target = exchange.request().target;
  if (target == "/discover") {
    exchange.respond(
        {.status = 200,
         .headers = {{"content-type", "application/vnd.restate.endpointmanifest.v3+json"}}},
        manifest(options.mode));
    return true;
  }
  constexpr std::string_view prefix = "/invoke/";
  const std::size_t slash = target.rfind('/');
  if (!target.starts_with(prefix) || slash < prefix.size()) return false;
  const std::string service = target.substr(prefix.size(), slash - prefix.size());
  const std::vector<sdk::Service> plain = plain_services(watch);
  if (std::ranges::find(plain, service, &sdk::Service::name) != plain.end()) return false;
  Dialogue dialogue(world, exchange, options.mischief, watch, options.release);
  if (!dialogue.begin()) return true;
  if (!run_handler(service, target.substr(slash + 1), dialogue, watch)) exchange.reset();
  return true;
}

}  // namespace

std::vector<sdk::Service> plain_services(HandlerWatch& watch) {
  return {counter(), list(), echo(), sleeper(), awake(watch), chain()};
}

Factory plain_deployment(const DeploymentOptions& options, HandlerWatch& watch) {
  return serve_handlers([&watch] { return plain_services(watch); }, options, watch,
                        [options, &watch](io::World& world, io::Exchange& exchange) {
                          return serve_scripted(world, exchange, options, watch);
                        });
}

}  // namespace perdure::sim
