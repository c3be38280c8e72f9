// Services and their handlers: seen, tuned, and the state of an object replaced.
#include <nlohmann/json.hpp>

#include "engine/admin/requests.h"
#include "engine/admin/routes.h"
#include "engine/admin/text.h"
#include "engine/admin/views.h"
#include "engine/wire/time_text.h"

namespace perdure::admin {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using std::chrono::milliseconds;

Reply no_such_service(const std::string& name) {
  return refused(404, "The requested service '" + name + "' does not exist");
}

// A duration or nothing; `wrong` says why it is neither.
std::optional<milliseconds> span(const json& body, const char* name, std::string& wrong) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return std::nullopt;
  const std::string place = std::string(name) + ": ";
  if (!found->is_string()) {
    wrong = place + "expected a duration as text, got " + found->type_name();
    return std::nullopt;
  }
  const auto parsed = wire::duration_from_text(found->get_ref<const std::string&>());
  if (parsed) return *parsed;
  wrong = place + parsed.error().detail;
  return std::nullopt;
}

// Values are arrays of byte values, or text.
std::optional<std::string> state_value(const json& value, const std::string& key,
                                       std::string& wrong) {
  if (value.is_string()) return value.get<std::string>();
  std::string bytes;
  if (!value.is_array()) wrong = "new_state." + key + ": expected an array of bytes";
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    if (!value[i].is_number_unsigned() || value[i].get<std::uint64_t>() > 255) {
      wrong =
          "new_state." + key + "[" + std::to_string(i) + "]: expected u8, got " + value[i].dump();
      return std::nullopt;
    }
    bytes += static_cast<char>(value[i].get<std::uint64_t>());
  }
  if (!wrong.empty()) return std::nullopt;
  return bytes;
}

// {object_key, new_state, version?} into a command; `wrong` when it is not of that form.
wire::PatchState patch_of(const json& body, std::string& wrong) {
  wire::PatchState patch;
  for (const char* needed : {"object_key", "new_state"}) {
    if (!body.is_object() || !body.contains(needed)) {
      wrong = "missing field `" + std::string(needed) + "`";
      return patch;
    }
  }
  const auto version = body.find("version");
  const bool has_version = version != body.end() && !version->is_null();
  if (!body["object_key"].is_string()) wrong = "object_key: expected a string";
  if (!body["new_state"].is_object()) wrong = "new_state: expected an object";
  if (has_version && !version->is_string()) wrong = "version: expected a string";
  if (!wrong.empty()) return patch;
  patch.target.key = body["object_key"].get<std::string>();
  if (has_version) patch.expected_version = version->get<std::string>();
  for (const auto& [key, value] : body["new_state"].items()) {
    auto bytes = state_value(value, key, wrong);
    if (!bytes) return patch;
    patch.state.push_back({.key = key, .value = std::move(*bytes)});
  }
  return patch;
}

}  // namespace

MaybeReply list_services(Call& call) {
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  ordered_json body;
  body["services"] = ordered_json::array();
  for (const wire::Service& service : schema->services) {
    body["services"].push_back(view_of<ordered_json>(service, call.options.handler_defaults));
  }
  return json_reply(200, body);
}

MaybeReply get_service(Call& call) {
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  const wire::Service* service = schema->find_service(call.parameter());
  if (!service) return no_such_service(call.parameter());
  return json_reply(200, view_of<ordered_json>(*service, call.options.handler_defaults));
}

MaybeReply modify_service(Call& call) {
  const auto parsed = json_body<json>(call);
  if (const auto* instead = std::get_if<Reply>(&parsed)) return *instead;
  const json& body = std::get<json>(parsed);
  if (!body.is_object()) return wrong_shape("expected an object");
  std::string wrong;
  ServicePatch patch{
      .idempotency_retention = span(body, "idempotency_retention", wrong),
      .workflow_completion_retention = span(body, "workflow_completion_retention", wrong),
      .journal_retention = span(body, "journal_retention", wrong),
      .inactivity_timeout = span(body, "inactivity_timeout", wrong),
      .abort_timeout = span(body, "abort_timeout", wrong)};
  const auto is_public = body.find("public");
  if (is_public != body.end() && !is_public->is_null()) {
    if (is_public->is_boolean()) {
      patch.is_public = is_public->get<bool>();
    } else {
      wrong = "public: invalid type, expected a boolean";
    }
  }
  if (!wrong.empty()) return wrong_shape(wrong);
  const auto schema = call.needs.registry.modify(call.parameter(), patch);
  if (!schema) return refused(schema.error());
  const wire::Service* service = schema->find_service(call.parameter());
  if (!service) return no_such_service(call.parameter());
  return json_reply(200, view_of<ordered_json>(*service, call.options.handler_defaults));
}

MaybeReply list_handlers(Call& call) {
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  const wire::Service* service = schema->find_service(call.parameter());
  if (!service) return no_such_service(call.parameter());
  ordered_json body;
  body["handlers"] = ordered_json::array();
  for (const wire::Handler& handler : service->handlers) {
    body["handlers"].push_back(view_of<ordered_json>(handler, *service));
  }
  return json_reply(200, body);
}

MaybeReply get_handler(Call& call) {
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  const wire::Service* service = schema->find_service(call.parameters[0]);
  const wire::Handler* handler =
      service ? wire::find_handler(*service, call.parameters[1]) : nullptr;
  if (!handler) {
    return refused(404, "The requested handler '" + call.parameters[1] + "' on service '" +
                            call.parameters[0] + "' does not exist");
  }
  return json_reply(200, view_of<ordered_json>(*handler, *service));
}

MaybeReply modify_state(Call& call) {
  const auto parsed = json_body<json>(call);
  if (const auto* instead = std::get_if<Reply>(&parsed)) return *instead;
  std::string wrong;
  wire::PatchState patch = patch_of(std::get<json>(parsed), wrong);
  if (!wrong.empty()) return wrong_shape(wrong);

  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  const wire::Service* service = schema->find_service(call.parameter());
  if (!service) return no_such_service(call.parameter());
  if (service->type == wire::ServiceType::service) {
    return refused(400, "Cannot modify state for service type Service");
  }
  patch.target.service_type = service->type;
  patch.target.handler_type = wire::HandlerType::exclusive;
  patch.target.service = service->name;
  const std::uint64_t partition_key = wire::keyed_partition_key(patch.target.key);
  wire::Command command;
  command.body = std::move(patch);
  const Result<void> submitted = submit(call, partition_key, std::move(command));
  if (!submitted) return unavailable(submitted.error());
  return empty(202);
}

}  // namespace perdure::admin
