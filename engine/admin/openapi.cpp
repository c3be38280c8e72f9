// The API of this room as an OpenAPI document, made of the rows of routes.cpp and shapes.cpp.
#include <nlohmann/json.hpp>

#include "engine/admin/routes.h"
#include "engine/admin/shapes.h"
#include "engine/admin/text.h"

namespace perdure::admin {
namespace {

using nlohmann::ordered_json;

std::vector<std::string_view> split(std::string_view text, std::string_view by) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(by), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + by.size(), text.size()));
  }
  return parts;
}

// Of a type as shapes.h writes it.
ordered_json schema_of(std::string_view type) {
  if (type == "text") return {{"type", "string"}};
  if (type == "number") return {{"type", "number"}};
  if (type == "bool") return {{"type", "boolean"}};
  if (type == "object") return {{"type", "object"}};
  if (type == "any") return ordered_json::object();
  const std::string_view inner = type.substr(1, type.size() - 2);
  if (type.starts_with('[')) return {{"type", "array"}, {"items", schema_of(inner)}};
  if (type.starts_with('{')) {
    return {{"type", "object"}, {"additionalProperties", schema_of(inner)}};
  }
  return {{"$ref", "#/components/schemas/" + std::string(type)}};
}

ordered_json nullable(ordered_json schema) {
  if (schema.empty()) return schema;
  return {{"oneOf", {{{"type", "null"}}, std::move(schema)}}};
}

ordered_json schema_of(const Shape& shape) {
  const auto words = split(shape.text, " | ");
  if (words.size() > 1) return {{"type", "string"}, {"enum", words}};
  ordered_json properties = ordered_json::object(), required = ordered_json::array();
  for (const std::string_view member : split(shape.text, ", ")) {
    const std::size_t blank = member.find(' ');
    const std::string name(member.substr(0, blank - 1));
    const ordered_json schema = schema_of(member.substr(blank + 1));
    const bool always = member[blank - 1] == '!';
    if (always) required.push_back(name);
    properties[name] = always ? schema : nullable(schema);
  }
  return {{"type", "object"}, {"required", required}, {"properties", properties}};
}

ordered_json json_content(std::string_view shape) {
  return {{"application/json", {{"schema", schema_of(shape)}}}};
}

ordered_json parameter(std::string_view name, std::string_view where, std::string_view type) {
  return {
      {"name", name}, {"in", where}, {"required", where == "path"}, {"schema", schema_of(type)}};
}

ordered_json parameters_of(const Row& row) {
  ordered_json all = ordered_json::array();
  for (const std::string_view segment : split(row.path, "/")) {
    if (segment.starts_with('{')) {
      all.push_back(parameter(segment.substr(1, segment.size() - 2), "path", "text"));
    }
  }
  for (const std::string_view said : split(row.contract.query, ", ")) {
    const std::size_t blank = said.find(' ');
    all.push_back(parameter(said.substr(0, blank), "query", said.substr(blank + 1)));
  }
  return all;
}

ordered_json responses_of(const Contract& contract) {
  ordered_json all;
  for (const std::string_view status : split(contract.statuses, " ")) {
    ordered_json& one = all[std::string(status)];
    one["description"] = status.starts_with('2') ? "Done" : "Refused";
    const std::string_view shape =
        status.starts_with('2') ? contract.reply : std::string_view("ErrorDescriptionResponse");
    if (!shape.empty() && status != "501") one["content"] = json_content(shape);
  }
  return all;
}

ordered_json operation_of(const Row& row) {
  ordered_json operation{
      {"tags", {split(row.path, "/").at(1)}}, {"operationId", row.name}, {"summary", row.sentence}};
  const ordered_json parameters = parameters_of(row);
  if (!parameters.empty()) operation["parameters"] = parameters;
  if (!row.contract.body.empty()) {
    operation["requestBody"] = {{"required", true}, {"content", json_content(row.contract.body)}};
  }
  operation["responses"] = responses_of(row.contract);
  return operation;
}

std::string lower(std::string_view method) {
  std::string text(method);
  for (char& c : text) c = static_cast<char>(c | 0x20);
  return text;
}

}  // namespace

MaybeReply get_openapi(Call& call) {
  ordered_json document{{"openapi", "3.1.0"},
                        {"info",
                         {{"title", "Admin API"},
                          {"description", "What operators ask of a server."},
                          {"version", call.options.version}}}};
  for (const Row& row : rows()) {
    document["paths"][std::string(row.path)][lower(row.method)] = operation_of(row);
  }
  for (const Shape& shape : shapes()) {
    document["components"]["schemas"][std::string(shape.name)] = schema_of(shape);
  }
  return json_reply(200, document);
}

}  // namespace perdure::admin
