#include "engine/admin/views.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/wire/json.h"
#include "engine/wire/time_text.h"

namespace perdure::admin {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

ordered_json labels(const std::vector<wire::KeyValue>& pairs) {
  ordered_json out = ordered_json::object();
  for (const wire::KeyValue& pair : pairs) out[pair.key] = pair.value;
  return out;
}

void put_span(ordered_json& out, const char* name, const std::optional<milliseconds>& span) {
  if (span) out[name] = wire::duration_text(*span);
}

ordered_json factor(std::uint64_t milli) { return static_cast<double>(milli) / 1000; }
const char* name_of(wire::OnMaxAttempts then) {
  return then == wire::OnMaxAttempts::kill ? "Kill" : "Pause";
}

// What a handler said of its own; without a word, attempts are the service's affair.
ordered_json own_retry_policy(const wire::HandlerOptions& said) {
  ordered_json policy = ordered_json::object();
  put_span(policy, "initial_interval", said.retry_initial_interval);
  if (said.retry_factor_milli) policy["exponentiation_factor"] = factor(*said.retry_factor_milli);
  policy["max_attempts"] = nullptr;
  if (said.retry_max_attempts) policy["max_attempts"] = *said.retry_max_attempts;
  put_span(policy, "max_interval", said.retry_max_interval);
  if (said.retry_on_max_attempts) policy["on_max_attempts"] = name_of(*said.retry_on_max_attempts);
  return policy;
}

ordered_json resolved_retry_policy(const wire::EffectiveOptions& options) {
  ordered_json policy;
  policy["initial_interval"] = wire::duration_text(options.retry_initial_interval);
  policy["exponentiation_factor"] = factor(options.retry_factor_milli);
  policy["max_attempts"] = nullptr;
  if (options.retry_max_attempts) policy["max_attempts"] = *options.retry_max_attempts;
  policy["max_interval"] = wire::duration_text(options.retry_max_interval);
  policy["on_max_attempts"] = name_of(options.retry_on_max_attempts);
  return policy;
}

// The schema's title or type, if it has one.
std::optional<std::string> schema_name(const std::string& json_schema) {
  const auto schema = wire::json_from_text<nlohmann::json>(json_schema);
  if (!schema || !schema->is_object()) return std::nullopt;
  const auto word = [&](const char* name) -> std::optional<std::string> {
    const auto found = schema->find(name);
    if (found == schema->end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  if (const auto title = word("title")) return "JSON '" + *title + "'";
  if (const auto type = word("type")) return "JSON " + *type;
  return std::nullopt;
}

std::string description(const wire::InputRules& rules) {
  if (!rules.content_type) return rules.required ? "<invalid rules>" : "none";
  return schema_name(rules.json_schema).value_or(*rules.content_type);
}
std::string description(const wire::OutputRules& rules) {
  if (!rules.content_type) return "none";
  if (const auto name = schema_name(rules.json_schema)) return *name;
  return (rules.set_content_type_if_empty ? "optional " : "") + *rules.content_type;
}

void put_schema(ordered_json& out, const char* name, const std::string& json_schema) {
  if (json_schema.empty()) return;
  const auto schema = wire::json_from_text<nlohmann::json>(json_schema);
  if (schema) out[name] = *schema;
}

// A service's own word or that of its run handler, else the default.
milliseconds completion_retention(const wire::Service& service, milliseconds otherwise) {
  for (const wire::Handler& handler : service.handlers) {
    if (handler.type == wire::HandlerType::workflow &&
        handler.options.workflow_completion_retention) {
      return *handler.options.workflow_completion_retention;
    }
  }
  return service.options.workflow_completion_retention.value_or(otherwise);
}

}  // namespace

std::string shown_uri(std::string_view stored) {
  const bool has_path = std::ranges::count(stored, '/') > 3;  // "http://host/"
  if (has_path && stored.ends_with('/')) stored.remove_suffix(1);
  return std::string(stored);
}

template <>
ordered_json view_of(const wire::Handler& handler, const wire::Service& service) {
  ordered_json out;
  out["name"] = handler.name;
  if (handler.type != wire::HandlerType::plain) out["ty"] = wire::name_of(handler.type);
  if (!handler.documentation.empty()) out["documentation"] = handler.documentation;
  if (!handler.metadata.empty()) out["metadata"] = labels(handler.metadata);
  const wire::HandlerOptions& said = handler.options;
  put_span(out, "idempotency_retention", said.idempotency_retention);
  put_span(out, "journal_retention", said.journal_retention);
  put_span(out, "inactivity_timeout", said.inactivity_timeout);
  put_span(out, "abort_timeout", said.abort_timeout);
  if (said.enable_lazy_state) out["enable_lazy_state"] = *said.enable_lazy_state;
  out["public"] = !said.ingress_private.value_or(service.options.ingress_private.value_or(false));
  out["input_description"] = description(handler.input);
  out["output_description"] = description(handler.output);
  // Without a content type there is no body, so a schema says nothing.
  if (handler.input.content_type) put_schema(out, "input_json_schema", handler.input.json_schema);
  if (handler.output.content_type)
    put_schema(out, "output_json_schema", handler.output.json_schema);
  out["retry_policy"] = own_retry_policy(said);
  return out;
}

template <>
ordered_json view_of(const wire::Service& service, const wire::EffectiveOptions& defaults) {
  const wire::EffectiveOptions options = wire::effective(service, wire::Handler{}, defaults);
  ordered_json out;
  out["name"] = service.name;
  out["ty"] = wire::name_of(service.type);
  out["handlers"] = ordered_json::array();
  for (const wire::Handler& handler : service.handlers) {
    out["handlers"].push_back(view_of<ordered_json>(handler, service));
  }
  if (!service.documentation.empty()) out["documentation"] = service.documentation;
  if (!service.metadata.empty()) out["metadata"] = labels(service.metadata);
  out["deployment_id"] = service.deployment.text();
  out["revision"] = service.revision;
  out["public"] = !options.ingress_private;
  out["idempotency_retention"] = wire::duration_text(options.idempotency_retention);
  if (service.type == wire::ServiceType::workflow) {
    out["workflow_completion_retention"] =
        wire::duration_text(completion_retention(service, options.workflow_completion_retention));
  }
  out["journal_retention"] = wire::duration_text(options.journal_retention);
  out["inactivity_timeout"] = wire::duration_text(options.inactivity_timeout);
  out["abort_timeout"] = wire::duration_text(options.abort_timeout);
  out["enable_lazy_state"] = options.enable_lazy_state;
  out["retry_policy"] = resolved_retry_policy(options);
  return out;
}

template <>
ordered_json view_of(const wire::Deployment& deployment, Services services,
                     const wire::EffectiveOptions& defaults) {
  const bool bidi = deployment.mode == wire::ProtocolMode::bidi_stream;
  ordered_json out;
  out["id"] = deployment.id.text();
  out["uri"] = shown_uri(deployment.uri);
  out["protocol_type"] = bidi ? "BidiStream" : "RequestResponse";
  out["http_version"] = deployment.http == wire::UsedHttp::http1 ? "HTTP/1.1" : "HTTP/2.0";
  if (!deployment.additional_headers.empty()) {
    out["additional_headers"] = labels(deployment.additional_headers);
  }
  if (!deployment.metadata.empty()) out["metadata"] = labels(deployment.metadata);
  out["created_at"] = wire::instant_text(deployment.created_at, 9, "Z");
  out["min_protocol_version"] = deployment.min_protocol_version;
  out["max_protocol_version"] = deployment.max_protocol_version;
  if (!deployment.sdk_version.empty()) out["sdk_version"] = deployment.sdk_version;
  out["services"] = ordered_json::array();
  for (const wire::Service& service : deployment.services) {
    ordered_json revision{{"name", service.name}, {"revision", service.revision}};
    out["services"].push_back(services == Services::full ? view_of<ordered_json>(service, defaults)
                                                         : revision);
  }
  return out;
}

template <>
ordered_json view_of(const Registered& registered, const wire::EffectiveOptions& defaults) {
  const wire::Deployment* deployment = registered.schema.find_deployment(registered.deployment);
  CHECK(deployment);
  ordered_json out;
  out["id"] = deployment->id.text();
  out["services"] = ordered_json::array();
  for (const wire::Service& service : deployment->services) {
    out["services"].push_back(view_of<ordered_json>(service, defaults));
  }
  out["min_protocol_version"] = deployment->min_protocol_version;
  out["max_protocol_version"] = deployment->max_protocol_version;
  if (!deployment->sdk_version.empty()) out["sdk_version"] = deployment->sdk_version;
  return out;
}

}  // namespace perdure::admin
