// Documents about us: they hang together, and say what we answer.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/admin/routes.h"
#include "tests/engine/admin/pretence.h"

namespace tests {
namespace {

using nlohmann::json;

json resolved(const json& document, const json& schema) {
  if (!schema.contains("$ref")) return schema;
  const std::string ref = schema["$ref"];
  EXPECT_EQ(ref[0], '#') << ref;
  const json::json_pointer at(ref.substr(1));
  EXPECT_TRUE(document.contains(at)) << ref;
  return document.contains(at) ? document[at] : json::object();
}

void expect_all_refs_resolve(const json& document, const json& part) {
  if (part.is_object() && part.contains("$ref")) resolved(document, part);
  if (!part.is_structured()) return;
  for (const json& inner : part) expect_all_refs_resolve(document, inner);
}

bool has_type(const json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "null") return value.is_null();
  return value.is_object();
}

// What is wrong with a value; empty: nothing.
std::string misfit(const json& document, const json& unresolved, const json& value) {
  const json schema = resolved(document, unresolved);
  if (schema.contains("oneOf")) {
    std::string last;
    for (const json& choice : schema["oneOf"]) {
      last = misfit(document, choice, value);
      if (last.empty()) return "";
    }
    return last;
  }
  if (schema.empty()) return "";
  if (!has_type(value, schema["type"])) return value.dump() + " is no " + schema.dump();
  if (schema.contains("enum")) {
    for (const json& word : schema["enum"]) {
      if (word == value) return "";
    }
    return value.dump() + " is not one of " + schema["enum"].dump();
  }
  if (value.is_array()) {
    for (const json& item : value) {
      if (auto wrong = misfit(document, schema["items"], item); !wrong.empty()) return wrong;
    }
  }
  if (!value.is_object() || schema.size() == 1) return "";
  for (const json& name : schema.value("required", json::array())) {
    if (!value.contains(name.get<std::string>())) return name.dump() + " is missing";
  }
  for (const auto& [name, member] : value.items()) {
    const json properties = schema.value("properties", json::object());
    const json other = schema.value("additionalProperties", json());
    if (!properties.contains(name) && other.is_null()) return "nobody spoke of " + name;
    const json& of = properties.contains(name) ? properties[name] : other;
    if (auto wrong = misfit(document, of, member); !wrong.empty()) return name + ": " + wrong;
  }
  return "";
}

json document_at(AdminBench& bench, const std::string& target) {
  const PretendExchange exchange = bench.send("GET", target);
  EXPECT_EQ(exchange.reply.status, 200);
  return json::parse(exchange.body);
}

TEST(openapi, every_route_is_there_and_every_reference_leads_somewhere) {
  AdminBench bench;
  const json document = document_at(bench, "/v4/openapi");
  expect_all_refs_resolve(document, document);
  for (const admin::Row& row : admin::rows()) {
    std::string method(row.method);
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const json& operation = document["paths"][std::string(row.path)][method];
    EXPECT_EQ(operation["operationId"], row.name);
    EXPECT_EQ(operation["summary"], row.sentence);
    std::size_t in_path = 0;
    for (const json& parameter : operation.value("parameters", json::array())) {
      in_path += parameter["in"] == "path" ? 1 : 0;
    }
    EXPECT_EQ(in_path, std::ranges::count(row.path, '{')) << row.path;
  }
}

TEST(openapi, what_we_answer_is_what_it_says) {
  std::ifstream file("tests/engine/admin/golden/requests.json");  // from the root of the tree
  AdminBench bench;
  const json document = document_at(bench, "/openapi");
  std::size_t compared = 0;
  for (const json& entry : json::parse(file)) {
    io::Request request{.method = entry["method"], .target = entry["target"]};
    for (const json& header : entry["headers"]) request.headers.push_back({header[0], header[1]});
    const std::string path = request.target.substr(0, request.target.find('?'));
    const auto match = admin::match_route(request.method, path);
    const PretendExchange exchange = bench.serve(std::move(request), entry.value("body", ""));
    const auto* found = std::get_if<admin::Found>(&match);
    const json body = json::parse(exchange.body, nullptr, false);
    if (!found || !body.is_object()) continue;
    const std::string name(exchange.reply.status < 300 ? found->row->contract.reply
                                                       : "ErrorDescriptionResponse");
    ASSERT_FALSE(name.empty()) << entry.dump();
    if (name == "object") continue;
    const json shape{{"$ref", "#/components/schemas/" + name}};
    EXPECT_EQ(misfit(document, shape, body), "") << entry.dump();
    EXPECT_TRUE(found->row->contract.statuses.find(std::to_string(exchange.reply.status)) !=
                    std::string_view::npos ||
                exchange.reply.status == 405)
        << exchange.reply.status << ' ' << entry.dump();
    ++compared;
  }
  EXPECT_GT(compared, 40u);
}

std::set<std::string> operations_of(const json& document) {
  std::set<std::string> all;
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      all.insert(method + " " + path + " " + operation["operationId"].get<std::string>());
    }
  }
  return all;
}

// The same as the reference's for these services.
TEST(openapi, a_service_is_described_by_how_it_is_called) {
  AdminBench bench;
  wire::Service& service = bench.registry.schema.services.at(1);
  ASSERT_EQ(service.name, "M");
  service.handlers = {
      {.name = "a",
       .input = {.required = true,
                 .content_type = "application/json",
                 .json_schema = R"({"$ref":"#/$defs/x","$defs":{"x":{"type":"string"}}})"},
       .output = {.content_type = "text/plain"}}};
  const json document = document_at(bench, "/services/M/openapi");
  expect_all_refs_resolve(document, document);
  EXPECT_EQ(operations_of(document),
            (std::set<std::string>{"post /restate/call/M/a a", "post /restate/send/M/a aSend",
                                   "get /restate/invocation/M/a/{idempotencyKey}/attach aAttach",
                                   "get /restate/invocation/M/a/{idempotencyKey}/output aOutput"}));
  const json& called = document["paths"]["/restate/call/M/a"]["post"];
  EXPECT_EQ(called["requestBody"]["required"], true);
  EXPECT_EQ(called["requestBody"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/aRequest");
  EXPECT_EQ(document["components"]["schemas"]["aRequest"]["$ref"],
            "#/components/schemas/aRequest/$defs/x");
  EXPECT_TRUE(called["responses"]["200"]["content"].contains("text/plain"));
}

TEST(openapi, a_workflow_goes_by_its_key) {
  AdminBench bench;
  const json document = document_at(bench, "/services/V/openapi");
  expect_all_refs_resolve(document, document);
  EXPECT_EQ(operations_of(document),
            (std::set<std::string>{"post /restate/call/V/{key}/run run",
                                   "post /restate/send/V/{key}/run runSend",
                                   "get /restate/workflow/V/{key}/attach runAttach",
                                   "get /restate/workflow/V/{key}/output runOutput"}));
  EXPECT_EQ(bench.send("GET", "/services/Nobody/openapi").reply.status, 404);
}

}  // namespace
}  // namespace tests
