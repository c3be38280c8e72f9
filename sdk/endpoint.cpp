#include "sdk/endpoint.h"

#include <algorithm>
#include <optional>
#include <string>

#include "sdk/versions.h"

namespace perdure::sdk {
namespace {

constexpr std::string_view manifest_type = "application/vnd.restate.endpointmanifest.v";
constexpr std::string_view protocol_type = "application/vnd.restate.invocation.v";
constexpr std::string_view server_name = "perdure-sdk-cpp/0.1.0";

// The newest manifest that both know; what is not asked for is the first.
std::optional<int> manifest_version(const io::Headers& headers) {
  const std::string* accept = io::find_header(headers, "accept");
  if (accept == nullptr || accept->find(manifest_type) == accept->npos) {
    const bool anything = accept == nullptr || accept->find("*/*") != accept->npos;
    return anything ? std::optional(oldest_manifest) : std::nullopt;
  }
  for (int version = newest_manifest; version >= oldest_manifest; --version) {
    const std::string wanted =
        std::string(manifest_type).append(std::to_string(version)).append("+json");
    if (accept->find(wanted) != accept->npos) return version;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> protocol_version(const io::Headers& headers) {
  const std::string* type = io::find_header(headers, "content-type");
  if (type == nullptr || !type->starts_with(protocol_type)) return std::nullopt;
  const std::string_view digits = std::string_view(*type).substr(protocol_type.size());
  if (digits.size() != 1 || digits[0] < '0' || digits[0] > '9') return std::nullopt;
  const auto version = static_cast<std::uint32_t>(digits[0] - '0');
  if (version < oldest_version || version > newest_version) return std::nullopt;
  return version;
}

struct Path {
  std::string_view verb, service, handler;
};

// The last parts of the path; a deployment may live below a prefix.
Path path_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  while (target.ends_with('/')) target.remove_suffix(1);
  const auto last = [&target]() {
    const std::size_t slash = target.rfind('/');
    if (slash == target.npos) return std::string_view();
    const std::string_view part = target.substr(slash + 1);
    target = target.substr(0, slash);
    return part;
  };
  const std::string_view first = last();
  if (first == "discover" || first == "health") return {.verb = first};
  const std::string_view second = last();
  return {.verb = last(), .service = second, .handler = first};
}

}  // namespace

void Endpoint::serve(io::Exchange& exchange) const {
  const Path path = path_of(exchange.request().target);
  if (path.verb == "discover") return discover(exchange);
  if (path.verb == "invoke") return invoke(exchange, path.service, path.handler);
  const int status = path.verb == "health" ? 200 : 404;
  exchange.respond({.status = status, .headers = {{"x-restate-server", std::string(server_name)}}},
                   "");
}

void Endpoint::discover(io::Exchange& exchange) const {
  const std::optional<int> version = manifest_version(exchange.request().headers);
  if (!version) return exchange.respond({.status = 415}, "no manifest version in common\n");
  std::string type = std::string(manifest_type) + std::to_string(*version) + "+json";
  exchange.respond({.status = 200,
                    .headers = {{"content-type", std::move(type)},
                                {"x-restate-server", std::string(server_name)}}},
                   manifest(services_, options_.mode, *version));
}

void Endpoint::invoke(io::Exchange& exchange, std::string_view service_name,
                      std::string_view handler_name) const {
  const std::optional<std::uint32_t> version = protocol_version(exchange.request().headers);
  if (!version) return exchange.respond({.status = 415}, "no protocol version in common\n");
  const Handler* handler = find(service_name, handler_name);
  if (handler == nullptr) return exchange.respond({.status = 404}, "no such handler\n");

  exchange.start(
      {.status = 200,
       .headers = {{"content-type", std::string(protocol_type) + std::to_string(*version)},
                   {"x-restate-server", std::string(server_name)}}});
  Attempt attempt(around_, exchange, *version);
  bool over = false;
  io::Event ended(around_.fibers);
  io::Group group(around_.fibers);
  group.start(
      "sdk.handler",
      [&] {
        attempt.run(handler->body);
        over = true;
        ended.notify_all();
      },
      io::Stack::large);
  while (!over) {
    if (!ended.wait()) break;  // whom we answer is gone
  }
  if (!over) group.cancel();
  group.join();
}

const Handler* Endpoint::find(std::string_view service_name, std::string_view handler_name) const {
  for (const Service& service : services_) {
    if (service.name != service_name) continue;
    const auto handler = std::ranges::find(service.handlers, handler_name, &Handler::name);
    return handler == service.handlers.end() ? nullptr : &*handler;
  }
  return nullptr;
}

}  // namespace perdure::sdk
