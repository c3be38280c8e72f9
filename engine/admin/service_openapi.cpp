// How a service is called through the ingress, as an OpenAPI document: per handler a call, a
// send, and an attach and an output where these go by a key that people know.
#include <nlohmann/json.hpp>

#include "engine/admin/routes.h"
#include "engine/admin/text.h"
#include "engine/wire/json.h"

namespace perdure::admin {
namespace {

using nlohmann::ordered_json;

ordered_json ref(std::string_view kind, std::string_view name) {
  return {{"$ref", std::string("#/components/").append(kind).append("/").append(name)}};
}

// A schema that refers to its own parts lies deeper here than where it was written.
void move_refs(ordered_json& value, const std::string& below) {
  if (value.is_array()) {
    for (ordered_json& item : value) move_refs(item, below);
  }
  if (!value.is_object()) return;
  for (auto& [name, member] : value.items()) {
    if (name == "$ref" && member.is_string() && member.get_ref<const std::string&>()[0] == '#') {
      member = below + member.get<std::string>().substr(1);
    } else {
      move_refs(member, below);
    }
  }
}

class Document {
 public:
  explicit Document(const wire::Service& service) : service_(service) {}

  ordered_json made(const std::string& ingress);

 private:
  bool keyed() const { return service_.type != wire::ServiceType::service; }
  // "/restate/call/Obj/{key}/add"
  std::string path(std::string_view before, std::string_view after) const {
    return std::string(before).append(service_.name).append(keyed() ? "/{key}" : "").append(after);
  }
  ordered_json parameters(std::initializer_list<std::string_view> more) const {
    ordered_json all = ordered_json::array();
    if (keyed()) all.push_back(ref("parameters", "key"));
    for (const std::string_view name : more) all.push_back(ref("parameters", name));
    return all;
  }
  ordered_json body(const std::string& content_type, const std::string& json_schema,
                    const std::string& name);
  ordered_json operation(const wire::Handler& handler, std::string suffix, std::string sentence,
                         ordered_json parameters) const;
  void add(const wire::Handler& handler);
  void add_calls(const wire::Handler& handler, const ordered_json& answer);
  void add_looks(const wire::Handler& handler, const ordered_json& answer);

  const wire::Service& service_;
  ordered_json paths_ = ordered_json::object(), schemas_ = ordered_json::object();
};

ordered_json Document::body(const std::string& content_type, const std::string& json_schema,
                            const std::string& name) {
  ordered_json content = ordered_json::object();
  const auto schema = wire::json_from_text<nlohmann::json>(json_schema);
  if (!json_schema.empty() && schema) {
    ordered_json& placed = schemas_[name] =
        *schema == true ? ordered_json::object() : ordered_json(*schema);
    move_refs(placed, "#/components/schemas/" + name);
    content["schema"] = ref("schemas", name);
  }
  return {{content_type, content}};
}

ordered_json Document::operation(const wire::Handler& handler, std::string suffix,
                                 std::string sentence, ordered_json parameters) const {
  ordered_json made{{"summary", handler.name},
                    {"description", std::move(sentence)},
                    {"operationId", handler.name + suffix}};
  if (suffix == "Send") made["tags"] = {"Send"};
  if (suffix == "Attach") made["tags"] = {"Attach"};
  if (suffix == "Output") made["tags"] = {"Get Output"};
  if (!parameters.empty()) made["parameters"] = std::move(parameters);
  return made;
}

void Document::add(const wire::Handler& handler) {
  ordered_json answer{{"description", handler.output.content_type ? "" : "Empty"}};
  if (handler.output.content_type) {
    answer["content"] =
        body(*handler.output.content_type, handler.output.json_schema, handler.name + "Response");
  }
  add_calls(handler, answer);
  add_looks(handler, answer);
}

void Document::add_calls(const wire::Handler& handler, const ordered_json& answer) {
  const std::string whom = service_.name + " handler " + handler.name;
  const bool by_key = service_.type == wire::ServiceType::workflow;
  ordered_json called =
      operation(handler, "",
                handler.documentation.empty() ? "Call " + whom + " and wait for its response"
                                              : handler.documentation,
                by_key ? parameters({}) : parameters({"idempotencyKeyHeader"}));
  ordered_json sent =
      operation(handler, "Send", "Send a request to " + whom,
                by_key ? parameters({"delay"}) : parameters({"idempotencyKeyHeader", "delay"}));
  if (handler.input.content_type) {
    const ordered_json content =
        body(*handler.input.content_type, handler.input.json_schema, handler.name + "Request");
    called["requestBody"] =
        sent["requestBody"] = {{"content", content}, {"required", handler.input.required}};
  }
  const ordered_json failed = ref("responses", "GenericError");
  called["responses"] = {{"200", answer}, {"default", failed}};
  sent["responses"] = {
      {"200", ref("responses", "Send")}, {"202", ref("responses", "Send")}, {"default", failed}};
  paths_[path("/restate/call/", "/" + handler.name)]["post"] = std::move(called);
  paths_[path("/restate/send/", "/" + handler.name)]["post"] = std::move(sent);
}

void Document::add_looks(const wire::Handler& handler, const ordered_json& answer) {
  const bool runs = handler.type == wire::HandlerType::workflow;
  if (service_.type == wire::ServiceType::workflow && !runs) return;
  const std::string before =
      runs ? path("/restate/workflow/", "")
           : path("/restate/invocation/", "/" + handler.name + "/{idempotencyKey}");
  const std::string whom = service_.name + "/" + handler.name;
  const auto look = [&](const char* suffix, std::string sentence) {
    ordered_json made = operation(handler, suffix, std::move(sentence),
                                  runs ? parameters({}) : parameters({"idempotencyKeyPath"}));
    made["deprecated"] = true;  // POST /restate/lookup, then by id
    made["responses"] = {{"200", answer},
                         {"404", ref("responses", "InvocationNotFoundError")},
                         {"default", ref("responses", "GenericError")}};
    return made;
  };
  paths_[before + "/attach"]["get"] = look("Attach", "Wait for a running " + whom + " to finish");
  ordered_json output = look("Output", "The output of " + whom + ", if it has finished");
  output["responses"]["470"] = ref("responses", "InvocationNotReadyError");
  paths_[before + "/output"]["get"] = std::move(output);
}

ordered_json text_parameter(const char* name, const char* where, const char* description) {
  return {{"name", name},
          {"in", where},
          {"description", description},
          {"required", std::string_view(where) == "path"},
          {"schema", {{"type", "string"}}}};
}

ordered_json error_response(const char* description) {
  return {{"description", description},
          {"content", {{"application/json", {{"schema", ref("schemas", "RestateError")}}}}}};
}

ordered_json error_schema() {
  const ordered_json text{{"type", "string"}};
  return {{"type", "object"},
          {"title", "RestateError"},
          {"required", {"message", "source"}},
          {"properties",
           {{"code", {{"type", "number"}}},
            {"message", text},
            {"stacktrace", text},
            {"source", {{"type", "string"}, {"enum", {"ingress", "invocation"}}}},
            {"metadata", {{"type", "object"}, {"additionalProperties", text}}}}}};
}

ordered_json send_response() {
  const ordered_json schema{
      {"type", "object"},
      {"title", "RestateSendResponse"},
      {"required", {"invocationId", "status"}},
      {"properties",
       {{"invocationId", {{"type", "string"}}},
        {"status", {{"type", "string"}, {"enum", {"Accepted", "PreviouslyAccepted"}}}},
        {"executionTime", {{"type", "string"}, {"format", "date-time"}}}}}};
  return {{"description", "It is durable, and will run"},
          {"content", {{"application/json", {{"schema", schema}}}}}};
}

ordered_json Document::made(const std::string& ingress) {
  for (const wire::Handler& handler : service_.handlers) add(handler);
  ordered_json document{
      {"openapi", "3.1.0"},
      {"info", {{"title", service_.name}, {"version", std::to_string(service_.revision)}}}};
  if (!service_.documentation.empty()) {
    document["info"]["description"] = service_.documentation;
  }
  for (const wire::KeyValue& pair : service_.metadata) {
    document["info"]["x-restate-extensions"][pair.key] = pair.value;
  }
  if (!ingress.empty()) {
    document["servers"] = ordered_json::array({{{"url", ingress}, {"description", "Ingress"}}});
  }
  document["paths"] = paths_;
  ordered_json& components = document["components"];
  components["schemas"] = schemas_;
  components["schemas"]["RestateError"] = error_schema();
  components["parameters"] = {
      {"key", text_parameter("key", "path", "Which object or workflow")},
      {"idempotencyKeyHeader",
       text_parameter("idempotency-key", "header",
                      "Requests with the same key are one invocation, and get its answer")},
      {"idempotencyKeyPath",
       text_parameter("idempotencyKey", "path", "The key that the request came with")},
      {"delay", text_parameter("delay", "query", "How long to wait before it runs: 10s, PT10S")}};
  components["responses"] = {
      {"GenericError", error_response("It failed, or was refused")},
      {"InvocationNotFoundError", error_response("There is no such invocation")},
      {"InvocationNotReadyError", error_response("It has not finished yet")},
      {"Send", send_response()}};
  return document;
}

}  // namespace

MaybeReply get_service_openapi(Call& call) {
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  const wire::Service* service = schema->find_service(call.parameter());
  if (!service) {
    return refused(404, "The requested service '" + call.parameter() + "' does not exist");
  }
  return json_reply(200, Document(*service).made(call.options.ingress_endpoint));
}

}  // namespace perdure::admin
