#include "engine/control/schema_rules.h"

#include <algorithm>
#include <cctype>

namespace perdure::control {
namespace {

wire::Service* find(std::vector<wire::Service>& services, std::string_view name) {
  const auto found = std::ranges::find(services, name, &wire::Service::name);
  return found == services.end() ? nullptr : &*found;
}

wire::Deployment* find(std::vector<wire::Deployment>& deployments, wire::DeploymentId id) {
  const auto found = std::ranges::find(deployments, id, &wire::Deployment::id);
  return found == deployments.end() ? nullptr : &*found;
}

void put_sorted(std::vector<wire::Service>& services, wire::Service service) {
  const auto at = std::ranges::lower_bound(services, service.name, {}, &wire::Service::name);
  if (at != services.end() && at->name == service.name) {
    *at = std::move(service);
  } else {
    services.insert(at, std::move(service));
  }
}

// The services of `deployment` become what `declared` says; those that it alone served
// and declares no more are gone.
OrSchemaError<void> declare(wire::Schema& schema, wire::Deployment& deployment,
                            std::vector<wire::Service> declared, bool breaking) {
  for (wire::Service& service : declared) {
    const wire::Service* before = schema.find_service(service.name);
    if (before && before->type != service.type && !breaking) {
      return refuse(
          409, "META0006",
          "detected a new service revision for '" + service.name +
              "' changing the service type from previous revision. Service type cannot be "
              "changed across revisions.");
    }
    service.revision = before ? before->revision + 1 : 1;
    service.deployment = deployment.id;
  }
  std::erase_if(schema.services,
                [&](const wire::Service& service) { return service.deployment == deployment.id; });
  for (const wire::Service& service : declared) put_sorted(schema.services, service);
  deployment.services = std::move(declared);
  return {};
}

void take_address(wire::Deployment& deployment, const Declared& declared) {
  deployment.uri = declared.uri;
  deployment.mode = declared.manifest.mode;
  deployment.http = declared.http;
  deployment.min_protocol_version = declared.manifest.min_protocol_version;
  deployment.max_protocol_version = declared.manifest.max_protocol_version;
  deployment.sdk_version = declared.sdk_version;
  deployment.additional_headers = declared.additional_headers;
}

void patch(wire::Service& service, const ServicePatch& said) {
  const auto take = [](auto& into, const auto& from) {
    if (from) into = from;
  };
  take(service.options.idempotency_retention, said.idempotency_retention);
  take(service.options.workflow_completion_retention, said.workflow_completion_retention);
  take(service.options.journal_retention, said.journal_retention);
  take(service.options.inactivity_timeout, said.inactivity_timeout);
  take(service.options.abort_timeout, said.abort_timeout);
  if (said.is_public) service.options.ingress_private = !*said.is_public;
  for (wire::Handler& handler : service.handlers) {
    // People mean all of the service, also where a handler had its own word.
    if (said.is_public) handler.options.ingress_private.reset();
    if (said.workflow_completion_retention) handler.options.workflow_completion_retention.reset();
  }
}

}  // namespace

const wire::Deployment* find_by_uri(const wire::Schema& schema, std::string_view uri) {
  const auto found = std::ranges::find(schema.deployments, uri, &wire::Deployment::uri);
  return found == schema.deployments.end() ? nullptr : &*found;
}

OrSchemaError<Changed> register_deployment(const wire::Schema& schema, Declared declared,
                                           const RegisterOptions& options, wire::DeploymentId fresh,
                                           WallTime now) {
  const wire::Deployment* known = find_by_uri(schema, declared.uri);
  if (known && !options.force) {
    return Changed{.schema = schema, .deployment = known->id, .created = false};
  }
  Changed changed{
      .schema = schema, .deployment = known ? known->id : fresh, .created = known == nullptr};
  if (!known) {
    const wire::Deployment empty{.id = fresh};
    auto& all = changed.schema.deployments;
    all.insert(std::ranges::upper_bound(all, fresh, {}, &wire::Deployment::id), empty);
  }
  wire::Deployment& deployment = *find(changed.schema.deployments, changed.deployment);
  deployment.created_at = now;  // that of what is described, not of the id
  take_address(deployment, declared);
  deployment.metadata = std::move(declared.metadata);
  auto done = declare(changed.schema, deployment, std::move(declared.manifest.services),
                      options.breaking || options.force);
  if (!done) return std::unexpected(done.error());
  ++changed.schema.version;
  return changed;
}

OrSchemaError<wire::Schema> update_deployment(const wire::Schema& schema, wire::DeploymentId id,
                                              DeploymentPatch said) {
  wire::Schema next = schema;
  wire::Deployment* deployment = find(next.deployments, id);
  if (!deployment) {
    return refuse(404, "", "The requested deployment '" + id.text() + "' does not exist");
  }
  if (said.uri) {
    const wire::Deployment* other = find_by_uri(next, *said.uri);
    if (other && other->id != id) {
      return refuse(409, "",
                    "another deployment, '" + other->id.text() + "', has this uri already");
    }
    deployment->uri = *said.uri;
  }
  if (said.additional_headers) deployment->additional_headers = *said.additional_headers;
  if (said.declared) {
    take_address(*deployment, *said.declared);
    auto done = declare(next, *deployment, std::move(said.declared->manifest.services), true);
    if (!done) return std::unexpected(done.error());
  }
  ++next.version;
  return next;
}

OrSchemaError<wire::Schema> remove_deployment(const wire::Schema& schema, wire::DeploymentId id) {
  if (!schema.find_deployment(id)) {
    return refuse(404, "",
                  "not found in the schema registry: deployment with id '" + id.text() + "'");
  }
  wire::Schema next = schema;
  std::erase_if(next.deployments, [&](const wire::Deployment& one) { return one.id == id; });
  std::erase_if(next.services, [&](const wire::Service& one) { return one.deployment == id; });
  ++next.version;
  return next;
}

OrSchemaError<wire::Schema> modify_service(const wire::Schema& schema, std::string_view name,
                                           const ServicePatch& said) {
  wire::Schema next = schema;
  wire::Service* service = find(next.services, name);
  if (!service) {
    return refuse(
        404, "", "not found in the schema registry: service with name '" + std::string(name) + "'");
  }
  if (said.workflow_completion_retention && service->type != wire::ServiceType::workflow) {
    return refuse(400, "",
                  "modifying retention time for service type " +
                      std::string(wire::name_of(service->type)) + " is unsupported");
  }
  patch(*service, said);
  if (wire::Deployment* deployment = find(next.deployments, service->deployment)) {
    if (wire::Service* declared = find(deployment->services, name)) *declared = *service;
  }
  ++next.version;
  return next;
}

OrSchemaError<std::string> normalised_uri(std::string_view uri) {
  const auto invalid = [](const std::string& why) {
    return refuse(400, "", "The request field 'uri' is invalid. Reason: " + why);
  };
  const std::size_t colon = uri.find("://");
  if (colon == std::string_view::npos) {
    return invalid("The provided uri " + std::string(uri) +
                   " is not absolute, only absolute URIs can be used.");
  }
  std::string scheme(uri.substr(0, colon));
  std::ranges::transform(scheme, scheme.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (scheme != "http" && scheme != "https") {
    return invalid("the scheme must be http or https, not " + scheme + ".");
  }
  const std::string_view rest = uri.substr(colon + 3);
  const std::string_view bare = rest.substr(0, rest.find_first_of("?#"));
  const std::size_t slash = std::min(bare.find('/'), bare.size());
  const std::string_view authority = bare.substr(0, slash);
  const bool visible = std::ranges::all_of(bare, [](char c) { return c > ' ' && c <= '~'; });
  if (authority.empty() || !visible) return invalid("there is no host in it.");
  if (authority.find('@') != std::string_view::npos) {
    return invalid("user names and passwords in it are not supported, use additional_headers.");
  }
  std::string normal = scheme + "://" + std::string(bare);
  if (!normal.ends_with('/')) normal += '/';
  return normal;
}

}  // namespace perdure::control
