// tests/engine/invoker/schema_of_tests.h
//
// One deployment at http://handlers:9080/ with a service Svc (echo, steps), an object Obj
// (add, look: shared), a workflow Flow (run, ask: shared), and an old one, Old, whose
// deployment speaks no version of today.
#pragma once

#include <string>

#include "engine/wire/schema.h"

namespace tests {

namespace wire = perdure::wire;

inline wire::DeploymentId deployment_id() { return {.ulid = {.high = 1, .low = 1}}; }
inline wire::DeploymentId old_deployment_id() { return {.ulid = {.high = 1, .low = 2}}; }
inline wire::InvocationId caller_id() {
  return {.partition_key = 77, .uuid = {.high = 5, .low = 6}};
}

inline wire::Target target_of_type(const std::string& type) {
  using wire::HandlerType;
  using wire::ServiceType;
  if (type == "object") {
    return {ServiceType::virtual_object, HandlerType::exclusive, "Obj", "k", "add"};
  }
  if (type == "shared") {
    return {ServiceType::virtual_object, HandlerType::shared, "Obj", "k", "look"};
  }
  if (type == "workflow") return {ServiceType::workflow, HandlerType::workflow, "Flow", "w", "run"};
  return {ServiceType::service, HandlerType::plain, "Svc", "", "echo"};
}

inline wire::Schema schema() {
  using wire::Handler;
  using wire::HandlerType;
  using wire::ServiceType;
  wire::Schema schema{.version = 1};
  schema.deployments.push_back({.id = deployment_id(),
                                .uri = "http://handlers:9080/",
                                .min_protocol_version = 5,
                                .max_protocol_version = 7});
  schema.deployments.push_back({.id = old_deployment_id(),
                                .uri = "http://old:9080/",
                                .min_protocol_version = 1,
                                .max_protocol_version = 4});
  const auto service = [&](std::string name, ServiceType type, std::vector<Handler> handlers) {
    schema.services.push_back({.name = std::move(name),
                               .type = type,
                               .deployment = deployment_id(),
                               .handlers = std::move(handlers)});
  };
  service("Flow", ServiceType::workflow,
          {{.name = "ask", .type = HandlerType::shared},
           {.name = "run", .type = HandlerType::workflow}});
  service("Obj", ServiceType::virtual_object,
          {{.name = "add", .type = HandlerType::exclusive},
           {.name = "look", .type = HandlerType::shared}});
  service("Old", ServiceType::service, {{.name = "echo"}});
  schema.services.back().deployment = old_deployment_id();
  service("Svc", ServiceType::service, {{.name = "echo"}, {.name = "steps"}});
  return schema;
}

// What of an id can be told without counting digits.
inline std::string name_of_id(const wire::InvocationId& id) {
  std::string text =
      id.partition_key == caller_id().partition_key ? "beside the caller" : "elsewhere";
  if (id.uuid == wire::workflow_uuid("Flow", "w2")) return text + ", once a key";
  if (id.uuid == wire::idempotent_uuid("Svc", std::nullopt, "echo", "once") ||
      id.uuid == wire::idempotent_uuid("Obj", "a", "add", "once")) {
    return text + ", once";
  }
  if (id.partition_key == wire::keyed_partition_key("a")) return text + ", with its key";
  return text;
}

}  // namespace tests
