#include "engine/admin/routes.h"

#include <algorithm>

#include "engine/admin/text.h"

namespace perdure::admin {
namespace {

constexpr Row all[] = {
    {"GET", "/health", get_health, "Is this server able to answer?"},
    {"GET", "/version", get_version, "The server's version and the API versions that it speaks."},
    {"GET", "/cluster-health", get_cluster_health,
     "The cluster's name and who keeps its metadata."},
    {"GET", "/deployments", list_deployments,
     "All deployments, each with its services' revisions."},
    {"POST", "/deployments", create_deployment,
     "Discovers a deployment and registers its services."},
    {"GET", "/deployments/{deployment}", get_deployment, "One deployment with what it declared."},
    {"DELETE", "/deployments/{deployment}", delete_deployment,
     "Forgets a deployment and its services, with ?force=true."},
    {"PATCH", "/deployments/{deployment}", update_deployment,
     "Changes where a deployment is, or discovers it anew."},
    {"PUT", "/deployments/{deployment}", replace_deployment,
     "Discovers a deployment anew (API version 2 only; use PATCH)."},
    {"GET", "/services", list_services, "All services, as new invocations see them."},
    {"GET", "/services/{service}", get_service, "One service."},
    {"PATCH", "/services/{service}", modify_service,
     "Changes a service's options until it is declared again."},
    {"GET", "/services/{service}/handlers", list_handlers, "The handlers of a service."},
    {"GET", "/services/{service}/handlers/{handler}", get_handler, "One handler."},
    {"POST", "/services/{service}/state", modify_state, "Replaces the whole state of one object."},
    {"DELETE", "/invocations/{invocation}", delete_invocation,
     "Cancels, kills or purges, by ?mode=, without saying what came of it."},
    {"PATCH", "/invocations/{invocation}/cancel", cancel_invocation,
     "Asks the handler to stop and undo; what has not begun is removed."},
    {"PATCH", "/invocations/{invocation}/kill", kill_invocation,
     "Ends it now, without asking its handler."},
    {"PATCH", "/invocations/{invocation}/pause", pause_invocation,
     "No more attempts until it is resumed."},
    {"PATCH", "/invocations/{invocation}/resume", resume_invocation,
     "Attempts go on, on another deployment if ?deployment= names one."},
    {"PATCH", "/invocations/{invocation}/purge", purge_invocation,
     "Forgets a completed invocation."},
    {"PATCH", "/invocations/{invocation}/purge-journal", purge_journal,
     "Forgets the journal of a completed invocation, keeps its result."},
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
  if (others.empty()) return NotFound{};
  return WrongMethod{std::move(others)};
}

}  // namespace perdure::admin
