// Deployments: discovered, registered, moved, forgotten.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/admin/routes.h"
#include "engine/admin/text.h"
#include "engine/admin/views.h"
#include "engine/wire/id_text.h"

namespace perdure::admin {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int force_by_default_up_to = 2;  // API versions in which registering overwrites
constexpr std::string_view not_a_registration =
    "data did not match any variant of untagged enum RegisterDeploymentRequest";

std::variant<Reply, wire::DeploymentId> deployment_id(const Call& call) {
  const auto id = wire::deployment_id_from_client(call.parameter());
  if (id) return *id;
  return plain(400, "Invalid URL: Cannot parse `deployment` with value `" + call.parameter() +
                        "`: " + id.error().detail);
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}
bool is_header_value(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
}

// Reads optional members; `wrong` after one of the wrong type.
struct Members {
  const json& object;
  bool wrong = false;

  std::optional<bool> flag(const char* name) {
    const json* found = find(name);
    if (!found) return std::nullopt;
    if (!found->is_boolean()) return wrong = true, std::nullopt;
    return found->get<bool>();
  }
  std::optional<std::string> text(const char* name) {
    const json* found = find(name);
    if (!found) return std::nullopt;
    if (!found->is_string()) return wrong = true, std::nullopt;
    return found->get<std::string>();
  }
  std::optional<std::vector<wire::KeyValue>> texts(const char* name) {
    const json* found = find(name);
    if (!found) return std::nullopt;
    if (!found->is_object()) return wrong = true, std::nullopt;
    std::vector<wire::KeyValue> pairs;
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) return wrong = true, std::nullopt;
      pairs.push_back({.key = key, .value = value.get<std::string>()});
    }
    return pairs;
  }
  // Of HTTP: lower-case names.
  std::optional<std::vector<wire::KeyValue>> headers(const char* name) {
    auto pairs = texts(name);
    if (!pairs) return pairs;
    for (wire::KeyValue& header : *pairs) {
      if (!is_header_name(header.key) || !is_header_value(header.value)) wrong = true;
      std::ranges::transform(header.key, header.key.begin(), [](char c) {
        return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      });
    }
    return pairs;
  }

 private:
  const json* find(const char* name) const {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
};

Reply described(const wire::Schema& schema, wire::DeploymentId id, const Options& options) {
  const wire::Deployment* found = schema.find_deployment(id);
  if (!found) return refused(404, "The requested deployment '" + id.text() + "' does not exist");
  return json_reply(200, view_of<ordered_json>(*found, Services::full, options.handler_defaults));
}

}  // namespace

MaybeReply list_deployments(Call& call) {
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  ordered_json body;
  body["deployments"] = ordered_json::array();
  for (const wire::Deployment& one : schema->deployments) {
    body["deployments"].push_back(
        view_of<ordered_json>(one, Services::revisions, call.options.handler_defaults));
  }
  return json_reply(200, body);
}

MaybeReply create_deployment(Call& call) {
  const auto parsed = json_body<json>(call);
  if (const auto* instead = std::get_if<Reply>(&parsed)) return *instead;
  const json& body = std::get<json>(parsed);
  if (!body.is_object()) return wrong_shape(std::string(not_a_registration));

  Members members{body};
  const auto uri = members.text("uri");
  if (!uri && !members.wrong && members.text("arn")) {
    return refused(
        400,
        "The request field 'arn' is invalid. Reason: Lambda deployments are not supported "
        "by this server");
  }
  const bool force_default = call.api_version != 0 && call.api_version <= force_by_default_up_to;
  Registration wanted{
      .uri = uri.value_or(""),
      .use_http_11 = members.flag("use_http_11").value_or(false),
      .additional_headers =
          members.headers("additional_headers").value_or(std::vector<wire::KeyValue>{}),
      .metadata = members.texts("metadata").value_or(std::vector<wire::KeyValue>{}),
      .force = members.flag("force").value_or(force_default),
      .breaking = members.flag("breaking").value_or(false),
      .dry_run = members.flag("dry_run").value_or(false)};
  if (members.wrong || wanted.uri.empty()) return wrong_shape(std::string(not_a_registration));

  const auto registered = call.needs.registry.add(std::move(wanted));
  if (!registered) return refused(registered.error());
  Reply reply = json_reply(registered->created ? 201 : 200,
                           view_of<ordered_json>(*registered, call.options.handler_defaults));
  reply.response.headers.push_back(
      {.name = "location", .value = "deployments/" + registered->deployment.text()});
  return reply;
}

MaybeReply get_deployment(Call& call) {
  const auto id = deployment_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  return described(*schema, std::get<wire::DeploymentId>(id), call.options);
}

MaybeReply update_deployment(Call& call) {
  const auto id = deployment_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const auto parsed = json_body<json>(call);
  if (const auto* instead = std::get_if<Reply>(&parsed)) return *instead;
  const json& body = std::get<json>(parsed);
  if (!body.is_object()) return wrong_shape("expected an object");
  Members members{body};
  DeploymentUpdate wanted{.uri = members.text("uri"),
                          .use_http_11 = members.flag("use_http_11"),
                          .additional_headers = members.headers("additional_headers"),
                          .overwrite = members.flag("overwrite").value_or(false),
                          .dry_run = members.flag("dry_run").value_or(false)};
  if (members.wrong) return wrong_shape("a field of UpdateDeploymentRequest has the wrong type");
  const auto updated =
      call.needs.registry.update(std::get<wire::DeploymentId>(id), std::move(wanted));
  if (!updated) return refused(updated.error());
  return described(*updated, std::get<wire::DeploymentId>(id), call.options);
}

MaybeReply replace_deployment(Call& call) {
  if (call.api_version != 2) return refused(405, "PUT deployment is deprecated, use PATCH instead");
  const auto id = deployment_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const auto parsed = json_body<json>(call);
  if (const auto* instead = std::get_if<Reply>(&parsed)) return *instead;
  Members members{std::get<json>(parsed)};
  DeploymentUpdate wanted{.uri = members.object.is_object() ? members.text("uri") : std::nullopt,
                          .overwrite = true};
  if (!wanted.uri) return wrong_shape(std::string(not_a_registration));
  const auto updated =
      call.needs.registry.update(std::get<wire::DeploymentId>(id), std::move(wanted));
  if (!updated) return refused(updated.error());
  return described(*updated, std::get<wire::DeploymentId>(id), call.options);
}

MaybeReply delete_deployment(Call& call) {
  const auto id = deployment_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const auto force = query_parameter(call.query, "force");
  if (force && *force != "true" && *force != "false") {
    return plain(
        400,
        "Failed to deserialize query string: force: provided string was not `true` or `false`");
  }
  // Removing one that nobody needs any more, safely, is not offered by the reference either.
  if (force != "true") return empty(501);
  const auto removed = call.needs.registry.remove(std::get<wire::DeploymentId>(id));
  if (!removed) return refused(removed.error());
  return empty(202);
}

}  // namespace perdure::admin
