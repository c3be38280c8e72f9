// engine/wire/schema.h
//
// What is registered: deployments, the services they serve, and how each handler wants
// to be treated.  One value with one version; it lives in the metadata store, changes
// by compare-and-set, and every node keeps the latest it has seen.
//
// Options are kept as they were *said* (absent: not said); effective() in this header
// resolves them: handler, then service, then the server's defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/wire/invocation.h"

namespace perdure::wire {

enum class OnMaxAttempts : std::uint8_t { pause = 0, kill = 1 };
enum class ProtocolMode : std::uint8_t { bidi_stream = 0, request_response = 1 };
enum class UsedHttp : std::uint8_t { http2 = 0, http1 = 1 };

struct HandlerOptions {  // also those of a service
  std::optional<std::chrono::milliseconds> inactivity_timeout, abort_timeout;
  std::optional<std::chrono::milliseconds> journal_retention, idempotency_retention;
  std::optional<std::chrono::milliseconds> workflow_completion_retention;
  std::optional<bool> enable_lazy_state, ingress_private;
  std::optional<std::chrono::milliseconds> retry_initial_interval, retry_max_interval;
  std::optional<std::uint64_t> retry_max_attempts;  // counts the first attempt
  std::optional<std::uint64_t> retry_factor_milli;  // 2000 is a factor of 2.0
  std::optional<OnMaxAttempts> retry_on_max_attempts;
  static constexpr auto fields = std::tuple(
      field(1, "inactivity_timeout", &HandlerOptions::inactivity_timeout),
      field(2, "abort_timeout", &HandlerOptions::abort_timeout),
      field(3, "journal_retention", &HandlerOptions::journal_retention),
      field(4, "idempotency_retention", &HandlerOptions::idempotency_retention),
      field(5, "workflow_completion_retention", &HandlerOptions::workflow_completion_retention),
      field(6, "enable_lazy_state", &HandlerOptions::enable_lazy_state),
      field(7, "ingress_private", &HandlerOptions::ingress_private),
      field(8, "retry_initial_interval", &HandlerOptions::retry_initial_interval),
      field(9, "retry_max_interval", &HandlerOptions::retry_max_interval),
      field(10, "retry_max_attempts", &HandlerOptions::retry_max_attempts),
      field(11, "retry_factor_milli", &HandlerOptions::retry_factor_milli),
      field(12, "retry_on_max_attempts", &HandlerOptions::retry_on_max_attempts));
};

struct InputRules {
  bool required = false;
  std::optional<std::string> content_type;  // "*/*", "a/*", "a/b"; absent: no body allowed
  std::string json_schema;                  // JSON text, empty: none
  static constexpr auto fields = std::tuple(field(1, "required", &InputRules::required),
                                            field(2, "content_type", &InputRules::content_type),
                                            field(3, "json_schema", &InputRules::json_schema));
};
struct OutputRules {
  std::optional<std::string> content_type;
  bool set_content_type_if_empty = false;
  std::string json_schema;
  static constexpr auto fields =
      std::tuple(field(1, "content_type", &OutputRules::content_type),
                 field(2, "set_content_type_if_empty", &OutputRules::set_content_type_if_empty),
                 field(3, "json_schema", &OutputRules::json_schema));
};

struct Handler {
  std::string name;
  HandlerType type = HandlerType::plain;
  HandlerOptions options;
  InputRules input;
  OutputRules output;
  std::string documentation;
  std::vector<KeyValue> metadata;
  static constexpr auto fields = std::tuple(
      field(1, "name", &Handler::name), field(2, "type", &Handler::type),
      field(3, "options", &Handler::options), field(4, "input", &Handler::input),
      field(5, "output", &Handler::output), field(6, "documentation", &Handler::documentation),
      field(7, "metadata", &Handler::metadata));
};

struct Service {
  std::string name;
  ServiceType type = ServiceType::service;
  std::uint32_t revision = 0;
  DeploymentId deployment;  // the newest; new invocations go there
  HandlerOptions options;   // from the manifest, then patched by people
  std::vector<Handler> handlers;
  std::string documentation;
  std::vector<KeyValue> metadata;
  static constexpr auto fields = std::tuple(
      field(1, "name", &Service::name), field(2, "type", &Service::type),
      field(3, "revision", &Service::revision), field(4, "deployment", &Service::deployment),
      field(5, "options", &Service::options), field(6, "handlers", &Service::handlers),
      field(7, "documentation", &Service::documentation), field(8, "metadata", &Service::metadata));
};

struct Deployment {
  DeploymentId id;
  std::string uri;  // "http://127.0.0.1:9080/", always with the last slash
  ProtocolMode mode = ProtocolMode::bidi_stream;
  UsedHttp http = UsedHttp::http2;
  std::uint32_t min_protocol_version = 0, max_protocol_version = 0;
  std::string sdk_version;  // x-restate-server of its discovery answer
  WallTime created_at;
  std::vector<KeyValue> additional_headers;
  std::vector<KeyValue> metadata;
  std::vector<Service> services;  // as this deployment declared them, with their revisions
  static constexpr auto fields = std::tuple(
      field(1, "id", &Deployment::id), field(2, "uri", &Deployment::uri),
      field(3, "mode", &Deployment::mode), field(4, "http", &Deployment::http),
      field(5, "min_protocol_version", &Deployment::min_protocol_version),
      field(6, "max_protocol_version", &Deployment::max_protocol_version),
      field(7, "sdk_version", &Deployment::sdk_version),
      field(8, "created_at", &Deployment::created_at),
      field(9, "additional_headers", &Deployment::additional_headers),
      field(10, "metadata", &Deployment::metadata), field(11, "services", &Deployment::services));
};

struct Schema {
  std::uint64_t version = 0;            // 0: nothing was ever registered
  std::vector<Deployment> deployments;  // by id, which is by age
  std::vector<Service> services;        // by name; what new invocations see
  static constexpr auto fields = std::tuple(field(1, "version", &Schema::version),
                                            field(2, "deployments", &Schema::deployments),
                                            field(3, "services", &Schema::services));

  const Service* find_service(std::string_view name) const;
  const Deployment* find_deployment(DeploymentId) const;
};
const Handler* find_handler(const Service&, std::string_view name);

// What a handler really gets.  Defaults are the reference server's.
struct EffectiveOptions {
  std::chrono::milliseconds inactivity_timeout = std::chrono::minutes(1);
  std::chrono::milliseconds abort_timeout = std::chrono::minutes(10);
  std::chrono::milliseconds journal_retention = std::chrono::hours(24);
  std::chrono::milliseconds idempotency_retention = std::chrono::hours(24);
  std::chrono::milliseconds workflow_completion_retention = std::chrono::hours(24);
  bool enable_lazy_state = false;
  bool ingress_private = false;
  std::chrono::milliseconds retry_initial_interval{500};
  std::chrono::milliseconds retry_max_interval = std::chrono::minutes(1);
  std::optional<std::uint64_t> retry_max_attempts = 70;  // absent: no end
  std::uint64_t retry_factor_milli = 2000;
  OnMaxAttempts retry_on_max_attempts = OnMaxAttempts::pause;
};
// `defaults` are the server's own settings; service and handler override them in turn.
EffectiveOptions effective(const Service&, const Handler&, EffectiveOptions defaults = {});

}  // namespace perdure::wire

WIRE_CODEC_ELSEWHERE(perdure::wire::Schema);
