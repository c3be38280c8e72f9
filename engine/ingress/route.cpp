#include "engine/ingress/route.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "engine/base/percent.h"
#include "engine/ingress/names.h"
#include "engine/wire/id_text.h"
#include "engine/wire/json.h"

namespace perdure::ingress {
namespace {

constexpr std::string_view service_shape =
    "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler";
constexpr std::string_view restate_shape =
    "bad path, expected /restate/call/:service/:handler, /restate/send/:service/:handler, "
    "/restate/scope/:scope/call/:service/:handler, /restate/attach/:invocation_id, "
    "/restate/output/:invocation_id, or /restate/lookup";
constexpr std::string_view invocation_shape =
    "bad path, expected either /restate/invocation/:invocation_id/output or "
    "/restate/invocation/:invocation_id/attach or "
    "/restate/invocation/:invocation_target/:idempotency_key/output or "
    "/restate/invocation/:invocation_target/:idempotency_key/attach";
constexpr std::string_view workflow_shape =
    "bad path, expected either /restate/workflow/:workflow_name/:workflow_key/output or "
    "/restate/workflow/:workflow_name/:workflow_key/attach";
constexpr std::string_view awakeable_shape =
    "bad path, expected either /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject";

constexpr int slashes_min = 2, slashes_max = 7;
constexpr std::uint32_t deprecated_below = 5;  // service protocol versions we do not speak

Refusal bad(std::string_view message) { return {.status = 400, .message = std::string(message)}; }
Refusal not_found() { return {.status = 404, .message = "not found"}; }
Refusal wrong_method() { return {.status = 405, .message = "method not allowed"}; }

Refusal no_such_service(std::string_view name) {
  return {.status = 404,
          .message = "service '" + std::string(name) +
                     "' not found, make sure to register the service before calling it."};
}

// The segments of a path, one after the other.
class Segments {
 public:
  explicit Segments(std::string_view path) : rest_(path) {
    if (!rest_.empty()) rest_.remove_prefix(1);
    ended_ = path.empty();
  }
  bool ended() const { return ended_; }
  std::optional<std::string_view> next() {
    if (ended_) return std::nullopt;
    const std::size_t slash = rest_.find('/');
    const std::string_view segment = rest_.substr(0, slash);
    ended_ = slash == std::string_view::npos;
    rest_ = ended_ ? std::string_view() : rest_.substr(slash + 1);
    return segment;
  }
  std::size_t left() const {
    if (ended_) return 0;
    return 1 + static_cast<std::size_t>(std::ranges::count(rest_, '/'));
  }

 private:
  std::string_view rest_;
  bool ended_ = false;
};

// False when the key is no text.
bool decode_key(std::string_view segment, std::string& key) {
  key = percent_decode(segment);
  return wire::utf8_prefix(key) == key.size();
}
Refusal bad_key() { return bad("bad path, cannot decode key: it is not valid UTF-8"); }

const wire::Service* service_named(const wire::Schema& schema, std::string_view name) {
  return schema.find_service(name);
}

// From the service on: key, handler, and in the old style "send".
Route call(Segments segments, const wire::Schema& schema, route::Call found, bool old_style) {
  const std::string_view shape = old_style ? service_shape : restate_shape;
  const auto service_name = segments.next();
  if (!service_name) return bad(shape);
  const wire::Service* service = service_named(schema, *service_name);
  if (!service) return no_such_service(*service_name);
  found.service = service;

  if (service->type != wire::ServiceType::service) {
    const auto key = segments.next();
    if (!key) return bad(shape);
    if (!decode_key(*key, found.key)) return bad_key();
  }
  const auto handler_name = segments.next();
  if (!handler_name) return bad(shape);
  if (const auto suffix = segments.next()) {
    if (!old_style || *suffix != "send" || !segments.ended()) return bad(shape);
    found.send = true;
  }

  found.handler = wire::find_handler(*service, *handler_name);
  if (!found.handler) {
    return Refusal{.status = 404,
                   .message = "the service '" + service->name + "' exists, but the handler '" +
                              std::string(*handler_name) +
                              "' was not found, check that the handler exists in the latest "
                              "registered service version."};
  }
  const bool hidden = found.handler->options.ingress_private.value_or(
      service->options.ingress_private.value_or(false));
  if (hidden) return bad("the invoked service is not public");
  const wire::Deployment* deployment = schema.find_deployment(service->deployment);
  if (deployment && deployment->max_protocol_version < deprecated_below) {
    return bad("the service '" + service->name + "' is exposed by the deprecated deployment '" +
               deployment->id.text() +
               "', please upgrade the SDK used by the service and register it again");
  }
  return found;
}

std::optional<Ask> attach_or_output(std::string_view word) {
  if (word == "attach") return Ask::attach;
  if (word == "output") return Ask::output;
  return std::nullopt;
}

Refusal bad_invocation_id(std::string_view text, const Error& error) {
  return bad("bad invocation id '" + std::string(text) + "': " + error.detail);
}

Route by_id(std::string_view method, std::string_view text, Ask ask) {
  const auto id = wire::invocation_id_from_client(text);
  if (!id) return bad_invocation_id(text, id.error());
  if (method != "GET") return wrong_method();
  return route::Retrieve{.ask = ask, .id = *id};
}

// /restate/invocation/...
Route invocation(std::string_view method, Segments segments, const wire::Schema& schema) {
  const auto first = segments.next();
  if (!first) return bad(invocation_shape);
  if (segments.left() == 0) return bad(invocation_shape);
  if (segments.left() == 1) {
    const auto ask = attach_or_output(*segments.next());
    if (!ask) return not_found();
    return by_id(method, *first, *ask);
  }
  const wire::Service* service = service_named(schema, *first);
  if (!service) return no_such_service(*first);
  std::string key;
  const bool keyed = service->type != wire::ServiceType::service;
  if (keyed) {
    const auto segment = segments.next();
    if (!segment) return bad(invocation_shape);
    if (!decode_key(*segment, key)) return bad_key();
  }
  const auto handler = segments.next();
  const auto idempotency_key = segments.next();
  const auto verb = segments.next();
  if (!handler || !idempotency_key || !verb) return bad(invocation_shape);
  const auto ask = attach_or_output(*verb);
  if (!ask) return not_found();
  if (method != "GET") return wrong_method();
  return route::Retrieve{
      .ask = *ask,
      .id = idempotent_id({.service = *first,
                           .key = keyed ? std::optional<std::string_view>(key) : std::nullopt,
                           .handler = *handler,
                           .idempotency_key = *idempotency_key})};
}

// /restate/workflow/{name}/{key}/attach|output
Route workflow(std::string_view method, Segments segments) {
  const auto name = segments.next();
  const auto segment = segments.next();
  const auto verb = segments.next();
  if (!name || !segment || !verb) return bad(workflow_shape);
  std::string key;
  if (!decode_key(*segment, key)) return bad_key();
  const auto ask = attach_or_output(*verb);
  if (!ask) return not_found();
  if (method != "GET") return wrong_method();
  return route::Retrieve{.ask = *ask, .id = workflow_id(*name, key)};
}

// /restate/awakeables/{id}/resolve|reject
Route awakeable(std::string_view method, Segments segments) {
  const auto id = segments.next();
  const auto verb = segments.next();
  if (!id || !verb) return bad(awakeable_shape);
  if (*verb != "resolve" && *verb != "reject") return not_found();
  if (method != "POST") return wrong_method();
  return route::Awakeable{.id = *id, .resolve = *verb == "resolve"};
}

// /restate/attach|output[/{id}] and /restate/lookup
Route retrieve(std::string_view method, Segments segments, Ask ask) {
  const auto id = segments.next();
  if (!id || id->empty()) {
    if (method != "POST") return wrong_method();
    return route::RetrieveByBody{.ask = ask};
  }
  if (ask == Ask::lookup || !segments.ended()) return bad(restate_shape);
  return by_id(method, *id, ask);
}

// /restate/scope/{scope}/call|send/...
Route scoped(Segments segments, const wire::Schema& schema) {
  const auto scope = segments.next();
  const auto verb = segments.next();
  if (!scope || !verb || (*verb != "call" && *verb != "send")) return bad(restate_shape);
  return call(segments, schema, {.send = *verb == "send", .scope = percent_decode(*scope)}, false);
}

Route restate(std::string_view method, Segments segments, const wire::Schema& schema) {
  const std::string_view verb = segments.next().value_or("");
  if (verb == "health") return method == "GET" ? Route(route::Health{}) : Route(wrong_method());
  if (verb == "call") return call(segments, schema, {.send = false}, false);
  if (verb == "send") return call(segments, schema, {.send = true}, false);
  if (verb == "scope") return scoped(segments, schema);
  if (verb == "invocation") return invocation(method, segments, schema);
  if (verb == "workflow") return workflow(method, segments);
  if (verb == "awakeables" || verb == "a") return awakeable(method, segments);
  if (verb == "attach") return retrieve(method, segments, Ask::attach);
  if (verb == "output") return retrieve(method, segments, Ask::output);
  if (verb == "lookup") return retrieve(method, segments, Ask::lookup);
  return not_found();
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

RequestTarget split_target(std::string_view target) {
  RequestTarget split;
  const std::size_t mark = target.find('?');
  split.path = target.substr(0, mark);
  if (mark != std::string_view::npos) split.query = target.substr(mark + 1);
  while (split.path.size() > 1 && split.path.ends_with('/')) split.path.remove_suffix(1);
  return split;
}

Route route_of(std::string_view method, std::string_view path, const wire::Schema& schema) {
  const auto slashes = std::ranges::count(path, '/');
  if (!path.starts_with('/') || slashes < slashes_min || slashes > slashes_max) {
    return bad("bad path: " + std::string(path));
  }
  Segments segments(path);
  Segments after_first = segments;
  const std::string_view first = *after_first.next();
  if (first == "restate") return restate(method, after_first, schema);
  if (first == "openapi") return not_found();
  return call(segments, schema, {}, true);
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (!same_ignoring_case(form_decode(pair.substr(0, equals)), name)) continue;
    return equals == std::string_view::npos ? std::string() : form_decode(pair.substr(equals + 1));
  }
  return std::nullopt;
}

std::string wrong_scope(std::string_view scope) {
  constexpr std::size_t bytes_max = 36;
  if (scope.empty()) return "value cannot be empty";
  if (scope.size() > bytes_max) {
    return "value too long: " + std::to_string(scope.size()) + " bytes (max " +
           std::to_string(bytes_max) + ")";
  }
  const bool allowed = std::ranges::all_of(scope, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
  });
  return allowed ? "" : "value contains characters outside the allowed set [a-zA-Z0-9_.-]";
}

std::string wrong_limit_key(std::string_view limit_key) {
  if (std::ranges::count(limit_key, '/') > 1) {
    return "too many path components in the given limit-key (max 2)";
  }
  for (std::size_t begin = 0; begin < limit_key.size();) {  // "a/" is "a"
    const std::size_t slash = std::min(limit_key.find('/', begin), limit_key.size());
    const std::string wrong = wrong_scope(limit_key.substr(begin, slash - begin));
    if (!wrong.empty()) return "invalid limit-key component: " + wrong;
    begin = slash + 1;
  }
  return "";
}

}  // namespace perdure::ingress
