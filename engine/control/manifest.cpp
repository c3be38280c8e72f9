#include "engine/control/manifest.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/wire/json.h"

namespace perdure::control {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Carries the first complaint out of the walk below; it never leaves this file.
struct Wrong {
  std::string why;
};
[[noreturn]] void wrong(const std::string& place, const std::string& why) {
  throw Wrong{place.empty() ? why : place + ": " + why};
}

// One object of the manifest.  Members that nobody took are unknown fields.
class Object {
 public:
  Object(const json& value, std::string place) : value_(value), place_(std::move(place)) {
    if (!value.is_object())
      wrong(place_, std::string("expected an object, got ") + value.type_name());
  }
  // Null is as good as absent.
  const json* take(const char* name) {
    taken_.push_back(name);
    const auto found = value_.find(name);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }
  const json& need(const char* name) {
    const json* found = take(name);
    if (!found) wrong(place_, std::string("missing field `") + name + "`");
    return *found;
  }
  std::string place(const char* name) const { return place_.empty() ? name : place_ + "." + name; }
  const std::string& place() const { return place_; }

  std::string text(const char* name) { return as_text(name, need(name)); }
  std::optional<std::string> optional_text(const char* name) {
    const json* found = take(name);
    return found ? std::optional(as_text(name, *found)) : std::nullopt;
  }
  std::optional<bool> flag(const char* name) {
    const json* found = take(name);
    if (!found) return std::nullopt;
    if (!found->is_boolean()) mistyped(name, "a boolean", *found);
    return found->get<bool>();
  }
  std::optional<std::uint64_t> number(const char* name) {
    const json* found = take(name);
    if (!found) return std::nullopt;
    if (!found->is_number_unsigned()) mistyped(name, "a whole number from 0", *found);
    return found->get<std::uint64_t>();
  }
  std::optional<milliseconds> span(const char* name) {
    constexpr std::uint64_t most = std::uint64_t{100} * 366 * 24 * 3600 * 1000;  // a century
    const auto count = number(name);
    return count ? std::optional(milliseconds(std::min(*count, most))) : std::nullopt;
  }
  const std::string& choice(const char* name, const json& value,
                            std::initializer_list<std::string_view> words) const {
    if (!value.is_string()) mistyped(name, "a string", value);
    const std::string& word = value.get_ref<const std::string&>();
    if (std::ranges::find(words, word) != words.end()) return word;
    std::string list;
    for (const std::string_view one : words) {
      list.append(list.empty() ? "`" : ", `").append(one).append("`");
    }
    wrong(place(name), "unknown variant `" + word + "`, expected one of " + list);
  }
  void nothing_else() const {
    for (const auto& [name, value] : value_.items()) {
      if (std::ranges::find(taken_, name) == taken_.end()) {
        wrong(place_, "unknown field `" + name + "`");
      }
    }
  }

 private:
  std::string as_text(const char* name, const json& value) const {
    if (!value.is_string()) mistyped(name, "a string", value);
    return value.get<std::string>();
  }
  [[noreturn]] void mistyped(const char* name, const std::string& expected, const json& got) const {
    wrong(place(name), "expected " + expected + ", got " + got.dump().substr(0, 40));
  }

  const json& value_;
  const std::string place_;
  std::vector<std::string_view> taken_;
};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// ^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_<more>]*$
bool is_name(std::string_view name, std::string_view more) {
  if (name.empty()) return false;
  std::size_t begun = is_letter(name[0]) ? 1 : 0;
  if (name[0] == '_' && name.size() > 1 && is_word(name[1])) begun = 2;
  return begun > 0 && std::ranges::all_of(name.substr(begun), [&](char c) {
           return is_word(c) || c == '_' || more.find(c) != std::string_view::npos;
         });
}

std::vector<wire::KeyValue> labels(Object& object) {
  std::vector<wire::KeyValue> out;
  if (const json* found = object.take("metadata")) {
    const Object members(*found, object.place("metadata"));
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) wrong(members.place(key.c_str()), "expected a string");
      out.push_back({.key = key, .value = value.get<std::string>()});
    }
  }
  return out;
}

// What a service and a handler may both say.
wire::HandlerOptions options(Object& object) {
  wire::HandlerOptions said{.inactivity_timeout = object.span("inactivityTimeout"),
                            .abort_timeout = object.span("abortTimeout"),
                            .journal_retention = object.span("journalRetention"),
                            .idempotency_retention = object.span("idempotencyRetention"),
                            .enable_lazy_state = object.flag("enableLazyState"),
                            .ingress_private = object.flag("ingressPrivate"),
                            .retry_initial_interval = object.span("retryPolicyInitialInterval"),
                            .retry_max_interval = object.span("retryPolicyMaxInterval")};
  if (const auto attempts = object.number("retryPolicyMaxAttempts")) {
    said.retry_max_attempts = std::max<std::uint64_t>(*attempts, 1);
  }
  if (const json* factor = object.take("retryPolicyExponentiationFactor")) {
    const std::string place = object.place("retryPolicyExponentiationFactor");
    if (!factor->is_number()) wrong(place, "expected a number");
    const double value = factor->get<double>();
    if (!std::isfinite(value) || value < 0 || value > 1e6)
      wrong(place, "expected a number from 0 to 1000000");
    said.retry_factor_milli = static_cast<std::uint64_t>(std::llround(value * 1000));
  }
  if (const json* then = object.take("retryPolicyOnMaxAttempts")) {
    const bool kill = object.choice("retryPolicyOnMaxAttempts", *then, {"PAUSE", "KILL"}) == "KILL";
    said.retry_on_max_attempts = kill ? wire::OnMaxAttempts::kill : wire::OnMaxAttempts::pause;
  }
  return said;
}

std::string schema_text(Object& object) {
  const json* schema = object.take("jsonSchema");
  return schema ? schema->dump() : std::string();
}

wire::InputRules input(Object& handler) {
  const json* found = handler.take("input");
  if (!found) return {.required = false, .content_type = "*/*"};
  Object object(*found, handler.place("input"));
  wire::InputRules rules{.required = object.flag("required").value_or(false),
                         .content_type = object.optional_text("contentType"),
                         .json_schema = schema_text(object)};
  object.nothing_else();
  return rules;
}

wire::OutputRules output(Object& handler) {
  const json* found = handler.take("output");
  if (!found) return {.content_type = "application/json"};
  Object object(*found, handler.place("output"));
  wire::OutputRules rules{
      .content_type = object.optional_text("contentType"),
      .set_content_type_if_empty = object.flag("setContentTypeIfEmpty").value_or(false),
      .json_schema = schema_text(object)};
  object.nothing_else();
  return rules;
}

std::optional<std::string> said_type(Object& object) {
  const json* found = object.take("ty");
  if (!found) return std::nullopt;
  return object.choice("ty", *found, {"WORKFLOW", "EXCLUSIVE", "SHARED"});
}

// A handler's type, or nothing when a service of this type can have no such handler.
std::optional<wire::HandlerType> handler_type(wire::ServiceType service,
                                              const std::optional<std::string>& said) {
  using wire::HandlerType;
  switch (service) {
    case wire::ServiceType::service:
      if (said) return std::nullopt;
      return HandlerType::plain;
    case wire::ServiceType::virtual_object:
      if (said == "WORKFLOW") return std::nullopt;
      return said == "SHARED" ? HandlerType::shared : HandlerType::exclusive;
    case wire::ServiceType::workflow:
      if (said == "EXCLUSIVE") return std::nullopt;
      return said == "WORKFLOW" ? HandlerType::workflow : HandlerType::shared;
  }
  UNREACHABLE();
}

struct Refused {
  SchemaError error;
};
[[noreturn]] void refuse_handler(const std::string& message) {
  throw Refused{{.status = 400, .message = message}};
}

void check_content_types(const wire::Handler& handler) {
  const auto not_valid = [&](std::string_view side, const std::string& why) {
    refuse_handler("the handler '" + handler.name + "' " + std::string(side) +
                   " content-type is not valid: " + why);
  };
  if (const auto& type = handler.input.content_type) {
    const std::string complaint = "can't parse the content-type '" + *type + "': ";
    const std::string_view bare = std::string_view(*type).substr(0, type->find(';'));
    if (std::ranges::count(bare, '/') != 1) not_valid("input", complaint + "must contain one /");
    if (bare.starts_with("*/") && bare != "*/*") {
      not_valid("input", complaint + "the wildcard format */subType is not supported");
    }
  }
  if (const auto& type = handler.output.content_type) {
    const bool visible = std::ranges::all_of(*type, [](char c) { return c >= ' ' && c <= '~'; });
    if (!visible) not_valid("output", "failed to parse header value");
  }
}

wire::Handler handler(const json& value, const std::string& place, wire::ServiceType service) {
  Object object(value, place);
  wire::Handler handler{.name = object.text("name")};
  if (!is_name(handler.name, "")) {
    wrong(object.place("name"), "doesn't match pattern \"^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$\"");
  }
  const std::optional<std::string> type = said_type(object);
  handler.options = options(object);
  handler.options.workflow_completion_retention = object.span("workflowCompletionRetention");
  handler.input = input(object);
  handler.output = output(object);
  handler.documentation = object.optional_text("documentation").value_or("");
  handler.metadata = labels(object);
  object.nothing_else();

  const auto resolved = handler_type(service, type);
  if (!resolved) {
    std::string said = *type;
    std::transform(said.begin() + 1, said.end(), said.begin() + 1, [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    refuse_handler("invalid combination of service type and handler type '(" +
                   std::string(wire::name_of(service)) + ", Some(" + said + "))'");
  }
  handler.type = *resolved;
  const bool runs = handler.type == wire::HandlerType::workflow;
  if (handler.options.workflow_completion_retention && !runs) {
    refuse_handler(handler.name +
                   " sets the workflow_completion_retention, but it's not a WORKFLOW handler");
  }
  if (handler.options.idempotency_retention && runs) {
    refuse_handler(handler.name + " sets the idempotency_retention, but it's a WORKFLOW handler");
  }
  check_content_types(handler);
  return handler;
}

wire::ServiceType service_type(Object& object) {
  const std::string& word =
      object.choice("ty", object.need("ty"), {"VIRTUAL_OBJECT", "SERVICE", "WORKFLOW"});
  if (word == "VIRTUAL_OBJECT") return wire::ServiceType::virtual_object;
  return word == "WORKFLOW" ? wire::ServiceType::workflow : wire::ServiceType::service;
}

// Paths begin with these.
bool is_reserved(std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return name.starts_with("restate") || name == "openapi";
}

wire::Service service(const json& value, const std::string& place) {
  Object object(value, place);
  wire::Service service{.name = object.text("name"), .type = service_type(object)};
  if (!is_name(service.name, ".-")) {
    wrong(object.place("name"),
          "doesn't match pattern \"^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9._-]*$\"");
  }
  if (is_reserved(service.name)) {
    throw Refused{{.status = 400,
                   .code = "META0005",
                   .message = "cannot insert/modify service '" + service.name +
                              "' as it contains a reserved name"}};
  }
  service.options = options(object);
  service.documentation = object.optional_text("documentation").value_or("");
  service.metadata = labels(object);
  const json& handlers = object.need("handlers");
  if (!handlers.is_array()) wrong(object.place("handlers"), "expected an array");
  object.nothing_else();
  for (std::size_t i = 0; i < handlers.size(); ++i) {
    const std::string at = object.place("handlers") + "[" + std::to_string(i) + "]";
    service.handlers.push_back(handler(handlers[i], at, service.type));
    const auto same =
        std::ranges::count(service.handlers, service.handlers.back().name, &wire::Handler::name);
    if (same > 1) wrong(at, "handler '" + service.handlers.back().name + "' is declared twice");
  }
  return service;
}

std::uint32_t protocol_version(Object& object, const char* name) {
  const json& value = object.need(name);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0) {
    wrong(object.place(name), "expected a whole number from 1");
  }
  constexpr std::uint64_t most = 0x7FFF'FFFF;
  if (value.get<std::uint64_t>() > most) {
    const std::string which = std::string(name).substr(0, 3);
    throw Refused{{.code = "META0013",
                   .message = "received a bad response from the SDK: " + which +
                              " protocol version must be in [1, 2147483647]"}};
  }
  return value.get<std::uint32_t>();
}

Manifest endpoint(const json& value) {
  Object object(value, "");
  Manifest manifest;
  const json* mode = object.take("protocolMode");
  if (mode) {
    const bool bidi =
        object.choice("protocolMode", *mode, {"BIDI_STREAM", "REQUEST_RESPONSE"}) == "BIDI_STREAM";
    manifest.mode = bidi ? wire::ProtocolMode::bidi_stream : wire::ProtocolMode::request_response;
  }
  manifest.min_protocol_version = protocol_version(object, "minProtocolVersion");
  manifest.max_protocol_version = protocol_version(object, "maxProtocolVersion");
  if (const json* compression = object.take("lambdaCompression")) {
    object.choice("lambdaCompression", *compression, {"zstd"});
  }
  const json& services = object.need("services");
  if (!services.is_array()) wrong("services", "expected an array");
  object.nothing_else();
  for (std::size_t i = 0; i < services.size(); ++i) {
    const std::string at = "services[" + std::to_string(i) + "]";
    manifest.services.push_back(service(services[i], at));
    const auto same =
        std::ranges::count(manifest.services, manifest.services.back().name, &wire::Service::name);
    if (same > 1) wrong(at, "service '" + manifest.services.back().name + "' is declared twice");
  }
  if (!mode) {
    throw Refused{{.code = "META0013",
                   .message = "received a bad response from the SDK: missing protocol mode"}};
  }
  return manifest;
}

OrSchemaError<void> check_versions(const Manifest& manifest) {
  const std::string low = std::to_string(manifest.min_protocol_version);
  const std::string high = std::to_string(manifest.max_protocol_version);
  if (manifest.min_protocol_version > manifest.max_protocol_version) {
    return refuse(
        500, "META0013",
        "received a bad response from the SDK: Expected min protocol version to be <= max "
        "protocol version. Received min protocol version '" +
            low + "', max protocol version '" + high + "'");
  }
  if (manifest.min_protocol_version > protocol_version_max ||
      manifest.max_protocol_version < protocol_version_min) {
    return refuse(500, "META0012",
                  "unsupported service protocol versions: [" + low + ", " + high +
                      "]. Supported versions by this runtime are [" +
                      std::to_string(protocol_version_min) + ", " +
                      std::to_string(protocol_version_max) +
                      "]. Please upgrade the SDK and try registering again.");
  }
  return {};
}

constexpr std::string_view undecodable =
    "received a bad response from the SDK that cannot be decoded: ";

}  // namespace

OrSchemaError<Manifest> manifest_from_json(std::string_view text) {
  const auto parsed = wire::json_from_text<nlohmann::json>(text);
  if (!parsed) return refuse(500, "", std::string(undecodable) + parsed.error().detail);
  try {
    Manifest manifest = endpoint(*parsed);
    if (auto fits = check_versions(manifest); !fits) return std::unexpected(fits.error());
    return manifest;
  } catch (const Wrong& complaint) {
    return refuse(500, "", std::string(undecodable) + complaint.why);
  } catch (const Refused& refused) {
    return std::unexpected(refused.error);
  }
}

}  // namespace perdure::control
