#include "engine/invoker/callee.h"

#include <algorithm>
#include <string>

#include "engine/base/bytes.h"
#include "engine/invoker/versions.h"

namespace perdure::invoker {
namespace {

wire::Uuid new_uuid(const Surroundings& around) {
  return wire::ulid(around.now, around.random.draw("invoker.callee"),
                    around.random.draw("invoker.callee"));
}

wire::InvocationId name(const wire::InvocationId& caller, const wire::Target& target,
                        const CallRequest& request, const Surroundings& around) {
  const bool keyed = target.service_type != wire::ServiceType::service;
  const std::uint64_t of_key = keyed ? wire::keyed_partition_key(target.key) : 0;
  if (target.handler_type == wire::HandlerType::workflow) {
    return {.partition_key = of_key, .uuid = wire::workflow_uuid(target.service, target.key)};
  }
  if (const std::optional<std::string>& once = *request.idempotency_key) {
    const std::optional<std::string_view> key =
        keyed ? std::optional<std::string_view>(target.key) : std::nullopt;
    return {.partition_key =
                keyed ? of_key
                      : wire::unkeyed_partition_key(target.service, wire::idempotent_bucket(*once)),
            .uuid = wire::idempotent_uuid(target.service, key, target.handler, *once)};
  }
  if (keyed) return {.partition_key = of_key, .uuid = new_uuid(around)};
  if (request.answered) return {.partition_key = caller.partition_key, .uuid = new_uuid(around)};
  const std::uint64_t bucket = around.random.below("invoker.bucket", wire::unkeyed_buckets);
  return {.partition_key = wire::unkeyed_partition_key(target.service, bucket),
          .uuid = new_uuid(around)};
}

std::string quoted(std::string_view service, std::string_view handler) {
  return std::string(service).append("/").append(handler);
}

}  // namespace

wire::Target target_of(const wire::Service& service, const wire::Handler& handler,
                       std::string_view key) {
  return {.service_type = service.type,
          .handler_type = handler.type,
          .service = service.name,
          .key = std::string(key),
          .handler = handler.name};
}

wire::Retention retention_of(const wire::Target& target, const wire::EffectiveOptions& options,
                             bool idempotent) {
  const bool workflow = target.handler_type == wire::HandlerType::workflow;
  if (!workflow && !idempotent) {  // nobody asks for the result again, only for the journal
    return {.completion = options.journal_retention, .journal = options.journal_retention};
  }
  const std::chrono::milliseconds completion =
      workflow ? options.workflow_completion_retention : options.idempotency_retention;
  return {.completion = completion, .journal = std::min(options.journal_retention, completion)};
}

std::expected<wire::Callee, AttemptFailure> resolve_callee(const wire::InvocationId& caller,
                                                           const CallRequest& request,
                                                           const Surroundings& around) {
  const auto refuse = [](const char* code, std::string message) {
    return std::unexpected(failure(code, std::move(message)));
  };
  const wire::Service* service = around.schema.find_service(request.service);
  if (!service) {
    return refuse("RT0018", "service '" + std::string(request.service) + "' not found");
  }
  const wire::Handler* handler = wire::find_handler(*service, request.handler);
  if (!handler) {
    return refuse("RT0018", "handler '" + quoted(request.service, request.handler) + "' not found");
  }
  if (service->type == wire::ServiceType::service && !request.key.empty()) {
    return refuse("RT0017", "the request key of '" + quoted(request.service, request.handler) +
                                "' must be empty, it is a Service");
  }
  if (*request.idempotency_key && (*request.idempotency_key)->empty()) {
    return refuse("RT0017", "the idempotency key of a call may not be empty");
  }
  const wire::Deployment* deployment = around.schema.find_deployment(service->deployment);
  if (deployment && deployment->max_protocol_version < oldest_version) {
    return refuse("RT0020", "the deployment of '" + std::string(request.service) +
                                "' speaks only versions that are no longer supported");
  }
  wire::Callee callee{.target = target_of(*service, *handler, request.key)};
  callee.id = name(caller, callee.target, request, around);
  callee.retention =
      retention_of(callee.target, wire::effective(*service, *handler, around.defaults),
                   request.idempotency_key->has_value());
  callee.random_seed = hash64(callee.id.bytes());
  return callee;
}

}  // namespace perdure::invoker
