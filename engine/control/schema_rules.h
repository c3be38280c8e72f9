// engine/control/schema_rules.h
//
// How the schema changes: values in, a new value or a refusal out.  Everything that is
// registered passes here, whoever asked, so these are the rules:
//
//   - a deployment is its URI: registering a known one changes nothing, unless forced;
//     forced, it is overwritten and keeps its id
//   - the newest deployment that declares a service serves its new invocations; each time
//     somebody declares it, its revision grows by one
//   - a service's type never changes, unless `breaking` or `force` says so (META0006)
//   - handlers may disappear; what people patched is replaced by the next declaration
//   - removing a deployment removes the services that point to it
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/control/manifest.h"
#include "engine/control/schema_error.h"
#include "engine/wire/schema.h"

namespace perdure::control {

struct Declared {  // what discovery found
  std::string uri;
  Manifest manifest;
  wire::UsedHttp http = wire::UsedHttp::http2;
  std::string sdk_version;
  std::vector<wire::KeyValue> additional_headers;
  std::vector<wire::KeyValue> metadata;
};

struct RegisterOptions {
  bool force = false;
  bool breaking = false;
};

struct Changed {
  wire::Schema schema;
  wire::DeploymentId deployment;
  bool created = false;  // false: it was known before
};

const wire::Deployment* find_by_uri(const wire::Schema&, std::string_view uri);

// `fresh` is the id a new deployment gets.
OrSchemaError<Changed> register_deployment(const wire::Schema&, Declared, const RegisterOptions&,
                                           wire::DeploymentId fresh, WallTime now);

struct DeploymentPatch {
  std::optional<std::string> uri;
  std::optional<std::vector<wire::KeyValue>> additional_headers;
  std::optional<Declared> declared;  // found anew: its services replace the old ones
};
OrSchemaError<wire::Schema> update_deployment(const wire::Schema&, wire::DeploymentId,
                                              DeploymentPatch);
OrSchemaError<wire::Schema> remove_deployment(const wire::Schema&, wire::DeploymentId);

struct ServicePatch {  // absent: as it is
  std::optional<bool> is_public;
  std::optional<std::chrono::milliseconds> idempotency_retention, workflow_completion_retention,
      journal_retention, inactivity_timeout, abort_timeout;
};
OrSchemaError<wire::Schema> modify_service(const wire::Schema&, std::string_view name,
                                           const ServicePatch&);

// "http://host:port/path/", lower-case scheme, a slash at the end, no query.
OrSchemaError<std::string> normalised_uri(std::string_view);

}  // namespace perdure::control
