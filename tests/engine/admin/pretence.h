// What an Admin needs, in pretence: a registry that holds the schema of the golden data
// and changes it as far as those requests want, and partitions with invocations at
// chosen stages.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/admin/admin.h"
#include "engine/io/clock.h"
#include "engine/wire/command.h"
#include "host/manual_loop.h"
#include "tests/support/counting_random.h"
#include "tests/support/pretend_exchange.h"
#include "tests/support/silent_trace.h"

namespace tests {

using namespace perdure;

inline wire::Handler handler_m(std::string name, wire::InputRules input) {
  return {.name = std::move(name),
          .input = std::move(input),
          .output = {.content_type = "application/json"}};
}
inline wire::Handler handler_m(std::string name, wire::OutputRules output) {
  return {.name = std::move(name), .input = {.content_type = "*/*"}, .output = std::move(output)};
}

inline wire::Schema golden_schema(wire::DeploymentId deployment) {
  const std::string json = "application/json", any = "*/*";
  wire::Service m{
      .name = "M",
      .revision = 1,
      .deployment = deployment,
      .handlers = {
          handler_m("a", wire::InputRules{}), handler_m("b", wire::InputRules{.required = true}),
          handler_m("c", wire::InputRules{.required = true, .content_type = json}),
          handler_m("d", wire::InputRules{.content_type = "text/*"}),
          handler_m("e",
                    wire::InputRules{.content_type = json, .json_schema = R"({"type":"string"})"}),
          handler_m("f", wire::InputRules{.json_schema = "true"}),
          handler_m("g", wire::OutputRules{}),
          handler_m("h", wire::OutputRules{.content_type = "text/plain"}),
          handler_m("i", wire::OutputRules{.content_type = json,
                                           .set_content_type_if_empty = true,
                                           .json_schema = R"({"type":"number"})"}),
          handler_m("j", wire::OutputRules{.set_content_type_if_empty = true}),
          handler_m("k", wire::OutputRules{.content_type = json}),
          handler_m("l", wire::InputRules{.required = true,
                                          .content_type = json,
                                          .json_schema = R"({"title":"Foo","type":"string"})"}),
          handler_m("m", wire::InputRules{.content_type = any}),
          handler_m("n", wire::InputRules{.required = true, .content_type = any}),
          handler_m("o", wire::OutputRules{.content_type = json}),
          handler_m("p", wire::InputRules{.content_type = "foo/bar;x=1"}),
          handler_m("q", wire::InputRules{.content_type = json, .json_schema = R"({"title":"T"})"}),
          handler_m("r", wire::OutputRules{.content_type = json,
                                           .json_schema = R"({"anyOf":[{"type":"string"}]})"}),
          handler_m("s", wire::InputRules{.content_type = json, .json_schema = "{}"})}};
  const auto other = [&](std::string name, wire::ServiceType type) {
    return wire::Service{
        .name = std::move(name), .type = type, .revision = 1, .deployment = deployment};
  };
  wire::Service v = other("V", wire::ServiceType::workflow);
  v.handlers = {{.name = "run",
                 .type = wire::HandlerType::workflow,
                 .input = {.content_type = json},
                 .output = {.content_type = json}}};
  wire::Schema schema{.version = 1,
                      .services = {other("G", wire::ServiceType::service), m,
                                   other("O", wire::ServiceType::virtual_object), v,
                                   other("W", wire::ServiceType::workflow)}};
  schema.deployments.push_back(
      {.id = deployment, .uri = "http://127.0.0.1:9/", .services = schema.services});
  return schema;
}

class PretendRegistry : public admin::Registry {
 public:
  explicit PretendRegistry(wire::DeploymentId deployment) : schema(golden_schema(deployment)) {}

  admin::OrRefused<wire::Schema> current() override { return schema; }
  admin::OrRefused<admin::Registered> add(admin::Registration wanted) override {
    registrations.push_back(wanted);
    if (wanted.uri.find("://") == std::string::npos) {
      return std::unexpected(admin::Refused{
          .status = 400,
          .message = "The request field 'uri' is invalid. Reason: The provided uri " + wanted.uri +
                     " is not absolute, only absolute URIs can be used."});
    }
    return admin::Registered{
        .schema = schema, .deployment = schema.deployments[0].id, .created = !known};
  }
  admin::OrRefused<wire::Schema> update(wire::DeploymentId id, admin::DeploymentUpdate) override {
    if (schema.find_deployment(id)) return schema;
    return std::unexpected(admin::Refused{
        .status = 404, .message = "The requested deployment '" + id.text() + "' does not exist"});
  }
  admin::OrRefused<wire::Schema> remove(wire::DeploymentId id) override {
    return std::unexpected(admin::Refused{
        .status = 404,
        .message = "not found in the schema registry: deployment with id '" + id.text() + "'"});
  }
  admin::OrRefused<wire::Schema> modify(std::string_view name,
                                        const admin::ServicePatch& patch) override {
    for (wire::Service& service : schema.services) {
      if (service.name != name) continue;
      if (patch.workflow_completion_retention && service.type != wire::ServiceType::workflow) {
        return std::unexpected(admin::Refused{
            .status = 400,
            .message = "modifying retention time for service type Service is unsupported"});
      }
      const auto take = [](auto& into, const auto& from) {
        if (from) into = from;
      };
      take(service.options.idempotency_retention, patch.idempotency_retention);
      take(service.options.workflow_completion_retention, patch.workflow_completion_retention);
      take(service.options.journal_retention, patch.journal_retention);
      take(service.options.inactivity_timeout, patch.inactivity_timeout);
      take(service.options.abort_timeout, patch.abort_timeout);
      if (patch.is_public) service.options.ingress_private = !*patch.is_public;
      return schema;
    }
    return std::unexpected(admin::Refused{
        .status = 404,
        .message =
            "not found in the schema registry: service with name '" + std::string(name) + "'"});
  }

  wire::Schema schema;
  bool known = false;  // what add() says
  std::vector<admin::Registration> registrations;
};

class PretendPartitionsOfAdmin : public admin::Partitions {
 public:
  Result<admin::Look> look(const wire::InvocationId& id, Instant) override {
    const auto found = stages.find(id);
    if (found == stages.end()) return fail(Code::not_found, "unknown invocation");
    return found->second;
  }
  Result<admin::Past> past(const wire::InvocationId& id, Instant) override {
    const auto found = pasts.find(id);
    if (found == pasts.end()) return fail(Code::not_found, "it has not completed");
    return found->second;
  }
  Result<admin::Submitted> submit(std::uint64_t, std::string_view record, Instant) override {
    records.push_back(*wire::decode<wire::Record>(record));
    const auto& request = std::get<wire::RequestProducer>(records.back().producer);
    if (request.first_attempt < not_before) return admin::Submitted{.refused_at = not_before};
    if (errors.empty()) return admin::Submitted();
    const Code code = errors.back();
    errors.pop_back();
    return fail(code, "as the test wants");
  }

  std::map<wire::InvocationId, admin::Look> stages;
  std::map<wire::InvocationId, admin::Past> pasts;
  std::vector<wire::Record> records;
  std::vector<Code> errors;
  WallTime not_before;  // requests of earlier are refused
};

struct AdminBench {
  const wire::DeploymentId deployment{{.high = 7, .low = 9}};
  host::ManualLoop loop;
  CountingRandom random;
  SilentTrace trace;
  PretendRegistry registry{deployment};
  PretendPartitionsOfAdmin partitions;
  admin::Options options{.version = "1", .cluster_name = "c", .metadata_members = [] {
                           return std::vector<std::uint64_t>{1};
                         }};

  PretendExchange serve(io::Request request, std::string body = "") {
    PretendExchange exchange(std::move(request), body.empty()
                                                     ? PretendExchange::Pieces{}
                                                     : PretendExchange::Pieces{std::move(body)});
    admin::Admin admin({loop.clock, loop.fibers, random, trace, registry, partitions}, options);
    CHECK(loop.run([&] { admin.serve(exchange); }));
    return exchange;
  }
  PretendExchange send(std::string method, std::string target, std::string body = "") {
    return serve({.method = std::move(method),
                  .target = std::move(target),
                  .headers = {{"content-type", "application/json"}}},
                 std::move(body));
  }
};

}  // namespace tests
