#include "engine/ingress/names.h"

#include <algorithm>

namespace perdure::ingress {
namespace {

// In the hashed text a scope stands before the service, with a comma.
std::string with_scope(std::string_view scope, std::string_view service) {
  if (scope.empty()) return std::string(service);
  return std::string(scope).append(",").append(service);
}

}  // namespace

wire::InvocationId idempotent_id(const IdempotentCall& call) {
  std::uint64_t partition_key = 0;
  if (!call.scope.empty()) {
    partition_key = wire::keyed_partition_key(call.scope);
  } else if (call.key) {
    partition_key = wire::keyed_partition_key(*call.key);
  } else {
    partition_key =
        wire::unkeyed_partition_key(call.service, wire::idempotent_bucket(call.idempotency_key));
  }
  return {.partition_key = partition_key,
          .uuid = wire::idempotent_uuid(with_scope(call.scope, call.service), call.key,
                                        call.handler, call.idempotency_key)};
}

wire::InvocationId workflow_id(std::string_view service, std::string_view key,
                               std::string_view scope) {
  return {.partition_key = wire::keyed_partition_key(scope.empty() ? key : scope),
          .uuid = wire::workflow_uuid(with_scope(scope, service), key)};
}

Name name_invocation(const wire::Service& service, const wire::Handler& handler,
                     std::string_view key, const std::string* idempotency_key,
                     const Chance& chance) {
  if (handler.type == wire::HandlerType::workflow) return {.id = workflow_id(service.name, key)};
  const wire::Uuid drawn = wire::ulid(chance.at, chance.high, chance.low);
  if (!idempotency_key && service.type == wire::ServiceType::workflow) {
    return {.id = {.partition_key = wire::keyed_partition_key(key), .uuid = drawn}};
  }
  Name name;
  name.idempotency_key = idempotency_key ? *idempotency_key : wire::ulid_text(drawn);
  const bool keyed = service.type != wire::ServiceType::service;
  name.id = idempotent_id({.service = service.name,
                           .key = keyed ? std::optional(key) : std::nullopt,
                           .handler = handler.name,
                           .idempotency_key = *name.idempotency_key});
  return name;
}

wire::Retention retention_of(const wire::EffectiveOptions& options, wire::HandlerType type,
                             bool idempotent) {
  const auto completion = type == wire::HandlerType::workflow
                              ? options.workflow_completion_retention
                          : idempotent ? options.idempotency_retention
                                       : options.journal_retention;
  return {.completion = completion, .journal = std::min(completion, options.journal_retention)};
}

}  // namespace perdure::ingress
