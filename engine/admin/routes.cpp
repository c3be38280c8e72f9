#include "engine/admin/routes.h"

#include <algorithm>
#include <utility>

#include "engine/admin/text.h"
#include "engine/base/percent.h"

namespace perdure::admin {
namespace {

constexpr std::string_view of_schema = "200 400 404 409 500";
constexpr std::string_view of_verb = "200 400 404 409 503";
constexpr std::string_view of_asking_verb = "200 202 400 404 409 503";  // 202: it is asked to

constexpr Row all[] = {
    {"GET", "/health", get_health, "health", "Is this server able to answer?"},
    {"GET",
     "/version",
     get_version,
     "version",
     "The server's version and the API versions that it speaks.",
     {.reply = "VersionInformation"}},
    {"GET",
     "/cluster-health",
     get_cluster_health,
     "cluster_health",
     "The cluster's name and who keeps its metadata.",
     {.reply = "ClusterHealthResponse"}},
    {"GET", "/openapi", get_openapi, "openapi", "This API, as an OpenAPI document."},
    {"GET",
     "/deployments",
     list_deployments,
     "list_deployments",
     "All deployments, each with its services' revisions.",
     {.reply = "ListDeploymentsResponse"}},
    {"POST",
     "/deployments",
     create_deployment,
     "create_deployment",
     "Discovers a deployment and registers its services.",
     {.body = "RegisterDeploymentRequest",
      .reply = "RegisterDeploymentResponse",
      .statuses = "200 201 400 404 409 500"}},
    {"GET",
     "/deployments/{deployment}",
     get_deployment,
     "get_deployment",
     "One deployment with what it declared.",
     {.reply = "DetailedDeploymentResponse", .statuses = "200 400 404"}},
    {"DELETE",
     "/deployments/{deployment}",
     delete_deployment,
     "delete_deployment",
     "Forgets a deployment and its services, with ?force=true.",
     {.query = "force bool", .statuses = "202 400 404 500 501"}},
    {"PATCH",
     "/deployments/{deployment}",
     update_deployment,
     "update_deployment",
     "Changes where a deployment is, or discovers it anew.",
     {.body = "UpdateDeploymentRequest",
      .reply = "DetailedDeploymentResponse",
      .statuses = of_schema}},
    {"PUT", "/deployments/{deployment}", replace_deployment, "replace_deployment",
     "Discovers a deployment anew (API version 2 only; use PATCH)."},
    {"GET",
     "/services",
     list_services,
     "list_services",
     "All services, as new invocations see them.",
     {.reply = "ListServicesResponse"}},
    {"GET",
     "/services/{service}",
     get_service,
     "get_service",
     "One service.",
     {.reply = "ServiceMetadata", .statuses = "200 404"}},
    {"PATCH",
     "/services/{service}",
     modify_service,
     "modify_service",
     "Changes a service's options until it is declared again.",
     {.body = "ModifyServiceRequest", .reply = "ServiceMetadata", .statuses = of_schema}},
    {"GET",
     "/services/{service}/handlers",
     list_handlers,
     "list_service_handlers",
     "The handlers of a service.",
     {.reply = "ListServiceHandlersResponse", .statuses = "200 404"}},
    {"GET",
     "/services/{service}/handlers/{handler}",
     get_handler,
     "get_service_handler",
     "One handler.",
     {.reply = "HandlerMetadata", .statuses = "200 404"}},
    {"GET",
     "/services/{service}/openapi",
     get_service_openapi,
     "get_service_openapi",
     "How the service is called through the ingress, as an OpenAPI document.",
     {.reply = "object", .statuses = "200 404"}},
    {"POST",
     "/services/{service}/state",
     modify_state,
     "modify_service_state",
     "Replaces the whole state of one object.",
     {.body = "ModifyServiceStateRequest", .statuses = "202 400 404 503"}},
    {"DELETE",
     "/invocations/{invocation_id}",
     delete_invocation,
     "delete_invocation",
     "Cancels, kills or purges, by ?mode=, without saying what came of it.",
     {.query = "mode DeletionMode", .statuses = "202 400 503"}},
    {"PATCH",
     "/invocations/{invocation_id}/cancel",
     cancel_invocation,
     "cancel_invocation",
     "Asks the handler to stop and undo; what has not begun is removed.",
     {.statuses = of_asking_verb}},
    {"PATCH",
     "/invocations/{invocation_id}/kill",
     kill_invocation,
     "kill_invocation",
     "Ends it now, without asking its handler.",
     {.statuses = of_verb}},
    {"PATCH",
     "/invocations/{invocation_id}/pause",
     pause_invocation,
     "pause_invocation",
     "No more attempts until it is resumed.",
     {.statuses = of_asking_verb}},
    {"PATCH",
     "/invocations/{invocation_id}/resume",
     resume_invocation,
     "resume_invocation",
     "Attempts go on, on another deployment if ?deployment= names one.",
     {.query = "deployment text", .statuses = "200 400 404 409 425 503"}},
    {"PATCH",
     "/invocations/{invocation_id}/purge",
     purge_invocation,
     "purge_invocation",
     "Forgets a completed invocation.",
     {.statuses = of_verb}},
    {"PATCH",
     "/invocations/{invocation_id}/purge-journal",
     purge_journal,
     "purge_journal",
     "Forgets the journal of a completed invocation, keeps its result.",
     {.statuses = of_verb}},
    {"PATCH",
     "/invocations/{invocation_id}/restart-as-new",
     restart_invocation,
     "restart_as_new_invocation",
     "Begins a completed invocation again as another: from its input or, by ?from=, from an entry "
     "of its journal.",
     {.query = "from number, deployment text",
      .reply = "RestartAsNewInvocationResponse",
      .statuses = "200 400 404 409 410 413 422 425 503"}},
};

constexpr std::pair<std::string_view, std::string_view> not_offered[] = {
    {"/query", "SQL"},
    {"/subscriptions", "subscriptions"},
    {"/kafka-clusters", "Kafka clusters"},
    {"/limits", "limit rules"},
    {"/vqueues", "vqueues"},
    {"/internal", "batch operations and serdes"},
    {"/ui", "web UI"},
};

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // '/'
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// The parameters, when the path is of that form.
std::optional<std::vector<std::string>> fit(std::string_view form, std::string_view path) {
  std::vector<std::string> parameters;
  while (!form.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(form);
    const std::string_view got = take_segment(path);
    if (wanted.starts_with('{')) {
      if (got.empty() && path.empty()) return std::nullopt;  // "/services/" is no service
      parameters.push_back(percent_decode(got));
    } else if (wanted != got) {
      return std::nullopt;
    }
  }
  if (!form.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

void allow(std::string& list, std::string_view method) {
  if (!list.empty()) list += ',';
  list += method;
  if (method == "GET") list += ",HEAD";
}

}  // namespace

std::span<const Row> rows() { return all; }

Match match_route(std::string_view method, std::string_view path) {
  Found found;
  if (path == "/v1" || path.starts_with("/v1/")) {
    return WrongVersion{
        "Unsupported Admin API version V1. This server supports versions between V2 and V4."};
  }
  for (int version = 2; version <= 4; ++version) {
    const std::string prefix = "/v" + std::to_string(version) + "/";
    if (!path.starts_with(prefix)) continue;
    found.api_version = version;
    path.remove_prefix(prefix.size() - 1);
    break;
  }
  if (!path.starts_with('/')) return NotFound{};
  const std::string_view asked = method == "HEAD" ? "GET" : method;
  std::string others;
  for (const Row& row : all) {
    auto parameters = fit(row.path, path);
    if (!parameters) continue;
    if (row.method == asked) {
      found.row = &row;
      found.parameters = std::move(*parameters);
      return found;
    }
    allow(others, row.method);
  }
  for (const auto& [first, what] : not_offered) {
    if (path == first || path.starts_with(std::string(first) + "/")) return NotOffered{what};
  }
  if (others.empty()) return NotFound{};
  return WrongMethod{std::move(others)};
}

}  // namespace perdure::admin
