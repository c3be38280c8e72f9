// Registers, patches and removes; prints the schema after each step.
//
//     declare URI SERVICE:TYPE:HANDLER,HANDLER ... [force=1] [breaking=1]
//     patch SERVICE [public=0] [idempotency=ms] [workflow=ms]
//     remove N                     the N-th deployment ever made
#include "engine/control/schema_rules.h"

#include <cstring>
#include <iostream>
#include <sstream>

#include "tests/support/script.h"

namespace {

using namespace perdure;

wire::Schema schema;
std::uint64_t made = 0;

std::string name_of(wire::DeploymentId id) { return "d" + std::to_string(id.ulid.low); }

std::string shown() {
  std::ostringstream out;
  out << "version " << schema.version << '\n';
  for (const auto& deployment : schema.deployments) {
    out << name_of(deployment.id) << ' ' << deployment.uri;
    for (const auto& service : deployment.services)
      out << ' ' << service.name << '@' << service.revision;
    out << '\n';
  }
  for (const auto& service : schema.services) {
    out << service.name << ' ' << wire::name_of(service.type) << " revision " << service.revision
        << " on " << name_of(service.deployment) << ':';
    for (const auto& handler : service.handlers) out << ' ' << handler.name;
    if (service.options.ingress_private.value_or(false)) out << ", private";
    if (const auto kept = service.options.idempotency_retention)
      out << ", idempotency " << kept->count();
    if (const auto kept = service.options.workflow_completion_retention)
      out << ", workflow " << kept->count();
    out << '\n';
  }
  return out.str();
}

std::string refused(const control::SchemaError& error) {
  return "refused " + std::to_string(error.status) + ' ' + error.code +
         (error.code.empty() ? "" : " ") + error.message + '\n';
}

wire::Service service_of(const std::string& word) {
  std::istringstream in(word);
  std::string name, type, handlers, handler;
  std::getline(in, name, ':'), std::getline(in, type, ':'), std::getline(in, handlers, ':');
  wire::Service service{.name = name,
                        .type = type == "object"     ? wire::ServiceType::virtual_object
                                : type == "workflow" ? wire::ServiceType::workflow
                                                     : wire::ServiceType::service};
  std::istringstream list(handlers);
  while (std::getline(list, handler, ',')) service.handlers.push_back({.name = handler});
  return service;
}

std::string declare(const tests::Command& command) {
  const auto uri = control::normalised_uri(command.words.at(0));
  if (!uri) return refused(uri.error());
  control::Declared declared{.uri = *uri};
  for (std::size_t i = 1; i < command.words.size(); ++i) {
    declared.manifest.services.push_back(service_of(command.words[i]));
  }
  const auto changed = control::register_deployment(
      schema, std::move(declared),
      {.force = command.fields.contains("force"), .breaking = command.fields.contains("breaking")},
      wire::DeploymentId{{.high = 0, .low = ++made}}, WallTime{});
  if (!changed) return refused(changed.error());
  schema = changed->schema;
  return std::string(changed->created ? "created " : "known ") + name_of(changed->deployment) +
         '\n' + shown();
}

std::string answer(const tests::Command& command) {
  const auto span = [&](const char* name) -> std::optional<std::chrono::milliseconds> {
    const auto found = command.fields.find(name);
    if (found == command.fields.end()) return std::nullopt;
    return std::chrono::milliseconds(std::stol(found->second));
  };
  if (command.verb == "declare") return declare(command);
  control::OrSchemaError<wire::Schema> next = schema;
  if (command.verb == "patch") {
    control::ServicePatch patch{.idempotency_retention = span("idempotency"),
                                .workflow_completion_retention = span("workflow")};
    if (command.fields.contains("public")) patch.is_public = command.fields.at("public") == "1";
    next = control::modify_service(schema, command.words.at(0), patch);
  } else if (command.verb == "remove") {
    const wire::DeploymentId id{{.high = 0, .low = std::stoul(command.words.at(0))}};
    next = control::remove_deployment(schema, id);
  } else {
    return "no such verb\n";
  }
  if (!next) return refused(next.error());
  schema = *next;
  return shown();
}

}  // namespace

int main(int count, char** words) {
  const bool rewrite = count > 2 && std::strcmp(words[2], "--rewrite") == 0;
  return tests::run_script(words[1], rewrite, answer);
}
