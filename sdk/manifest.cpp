#include "sdk/manifest.h"

#include <nlohmann/json.hpp>

#include "sdk/versions.h"

namespace perdure::sdk {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::service: return "SERVICE";
    case ServiceKind::object: return "VIRTUAL_OBJECT";
    case ServiceKind::workflow: return "WORKFLOW";
  }
  UNREACHABLE();
}

void put(Json& json, const char* name, const std::optional<std::chrono::milliseconds>& span) {
  if (span) json[name] = span->count();
}

void put_options(Json& json, const Options& options, int version) {
  if (version >= 2) {
    if (options.documentation) json["documentation"] = *options.documentation;
    if (!options.metadata.empty()) json["metadata"] = options.metadata;
  }
  if (version >= 3) {
    put(json, "inactivityTimeout", options.inactivity_timeout);
    put(json, "abortTimeout", options.abort_timeout);
    put(json, "journalRetention", options.journal_retention);
    put(json, "idempotencyRetention", options.idempotency_retention);
    if (options.lazy_state) json["enableLazyState"] = *options.lazy_state;
    if (options.private_to_handlers) json["ingressPrivate"] = *options.private_to_handlers;
  }
  if (version >= 4) {
    const Options::Retry& retry = options.retry;
    put(json, "retryPolicyInitialInterval", retry.initial_interval);
    put(json, "retryPolicyMaxInterval", retry.max_interval);
    if (retry.attempts_max) json["retryPolicyMaxAttempts"] = *retry.attempts_max;
    if (retry.factor) json["retryPolicyExponentiationFactor"] = *retry.factor;
    if (retry.when_exhausted) {
      json["retryPolicyOnMaxAttempts"] =
          *retry.when_exhausted == Options::WhenExhausted::kill ? "KILL" : "PAUSE";
    }
  }
}

Json of_handler(const Handler& handler, int version) {
  Json json = {{"name", handler.name}};
  switch (handler.kind) {
    case HandlerKind::plain: break;
    case HandlerKind::exclusive: json["ty"] = "EXCLUSIVE"; break;
    case HandlerKind::shared: json["ty"] = "SHARED"; break;
    case HandlerKind::workflow: json["ty"] = "WORKFLOW"; break;
  }
  json["input"] = Json::object();  // without a content type: no body
  if (!handler.accepts.empty()) {
    json["input"] = {{"required", handler.input_required}, {"contentType", handler.accepts}};
  }
  json["output"] = {{"setContentTypeIfEmpty", false}};
  if (!handler.gives.empty()) json["output"]["contentType"] = handler.gives;
  put_options(json, handler.options, version);
  if (version >= 3) put(json, "workflowCompletionRetention", handler.options.workflow_retention);
  return json;
}

}  // namespace

std::string manifest(std::span<const Service> services, Mode mode, int version) {
  Json listed = Json::array();
  for (const Service& service : services) {
    Json json = {{"name", service.name}, {"ty", name_of(service.kind)}};
    json["handlers"] = Json::array();
    for (const Handler& handler : service.handlers) {
      json["handlers"].push_back(of_handler(handler, version));
    }
    put_options(json, service.options, version);
    listed.push_back(std::move(json));
  }
  const Json whole = {
      {"protocolMode", mode == Mode::bidirectional ? "BIDI_STREAM" : "REQUEST_RESPONSE"},
      {"minProtocolVersion", oldest_version},
      {"maxProtocolVersion", newest_version},
      {"services", std::move(listed)}};
  return whole.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace perdure::sdk
