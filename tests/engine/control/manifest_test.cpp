#include "engine/control/manifest.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace perdure::control {
namespace {

std::string endpoint(const std::string& services, const std::string& more = "") {
  return R"({"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,"services":[)" +
         services + "]" + more + "}";
}
std::string service(const std::string& type, const std::string& handlers,
                    const std::string& more = "") {
  return R"({"name":"S","ty":")" + type + R"(","handlers":[)" + handlers + "]" + more + "}";
}
std::string complaint(const std::string& json) {
  const auto manifest = manifest_from_json(json);
  if (manifest) return "";
  return (manifest.error().code.empty() ? "" : manifest.error().code + " ") +
         manifest.error().message;
}
bool complains_of(const std::string& json, const std::string& what) {
  const bool does = complaint(json).find(what) != std::string::npos;
  EXPECT_TRUE(does) << complaint(json);
  return does;
}

TEST(manifest, says_everything_that_a_handler_may_say) {
  const auto manifest = manifest_from_json(endpoint(
      service("SERVICE",
              R"({"name":"h","documentation":"d","metadata":{"a":"b"},"idempotencyRetention":5000,
          "journalRetention":1,"inactivityTimeout":1000,"abortTimeout":2000,"enableLazyState":true,
          "ingressPrivate":true,"retryPolicyInitialInterval":100,"retryPolicyMaxInterval":5000,
          "retryPolicyMaxAttempts":3,"retryPolicyExponentiationFactor":1.5,
          "retryPolicyOnMaxAttempts":"KILL",
          "input":{"required":true,"contentType":"application/json","jsonSchema":{"type":"string"}},
          "output":{"contentType":"text/plain","setContentTypeIfEmpty":true}})",
              R"(,"documentation":"sd","retryPolicyMaxAttempts":5)")));
  ASSERT_TRUE(manifest) << manifest.error().message;
  const wire::Service& found = manifest->services.at(0);
  EXPECT_EQ(
      wire::show(found),
      "{name: 'S', deployment: dp_10000000000000000000000, options: {retry_max_attempts: 5}, "
      "handlers: [{name: 'h', options: "
      "{inactivity_timeout: 1000, abort_timeout: 2000, journal_retention: 1, "
      "idempotency_retention: 5000, enable_lazy_state: true, ingress_private: true, "
      "retry_initial_interval: 100, retry_max_interval: 5000, retry_max_attempts: 3, "
      "retry_factor_milli: 1500, retry_on_max_attempts: 1}, input: {required: true, content_type: "
      "'application/json', json_schema: '{\"type\":\"string\"}'}, output: {content_type: "
      "'text/plain', "
      "set_content_type_if_empty: true}, documentation: 'd', metadata: [{key: 'a', value: 'b'}]}], "
      "documentation: 'sd'}");
}

TEST(manifest, what_is_not_said_has_the_protocols_defaults) {
  const auto manifest = manifest_from_json(endpoint(service("VIRTUAL_OBJECT", R"({"name":"h"})")));
  ASSERT_TRUE(manifest);
  const wire::Handler& handler = manifest->services.at(0).handlers.at(0);
  EXPECT_EQ(handler.type, wire::HandlerType::exclusive);
  EXPECT_EQ(handler.input.content_type, "*/*");
  EXPECT_FALSE(handler.input.required);
  EXPECT_EQ(handler.output.content_type, "application/json");
  // But an empty object says: no body.
  const auto none =
      manifest_from_json(endpoint(service("SERVICE", R"({"name":"h","input":{},"output":{}})")));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->services.at(0).handlers.at(0).input.content_type);
  EXPECT_FALSE(none->services.at(0).handlers.at(0).output.content_type);
}

TEST(manifest, names_the_place_of_what_is_wrong) {
  complains_of(endpoint(service("SERVICE", R"({"name":"h","input":{"required":"yes"}})")),
               "services[0].handlers[0].input.required: expected a boolean, got \"yes\"");
  complains_of(endpoint(service("SERVICE", R"({"name":"h","inputs":1})")),
               "services[0].handlers[0]: unknown field `inputs`");
  complains_of(endpoint(service("SERVICE", R"({})")),
               "services[0].handlers[0]: missing field `name`");
  complains_of(endpoint(service("FOO", "")), "services[0].ty: unknown variant `FOO`");
  complains_of(endpoint(service("SERVICE", R"({"name":"h","abortTimeout":-1})")), "abortTimeout");
  complains_of(endpoint(service("SERVICE", R"({"name":"1h"})")), "doesn't match pattern");
  complains_of("{", "cannot be decoded");
  complains_of("[]", "expected an object");
  complains_of(std::string(5000, '['), "nested deeper");
}

TEST(manifest, refuses_what_cannot_be_served) {
  complains_of(endpoint(service("SERVICE", R"({"name":"h","ty":"EXCLUSIVE"})")),
               "invalid combination of service type and handler type '(Service, Some(Exclusive))'");
  complains_of(endpoint(service("WORKFLOW", R"({"name":"h","ty":"EXCLUSIVE"})")),
               "(Workflow, Some(Exclusive))");
  complains_of(endpoint(service("SERVICE", R"({"name":"h","workflowCompletionRetention":1})")),
               "h sets the workflow_completion_retention, but it's not a WORKFLOW handler");
  complains_of(endpoint(service("SERVICE", R"({"name":"h","input":{"contentType":"foo"}})")),
               "can't parse the content-type 'foo': must contain one /");
  complains_of(endpoint(R"({"name":"restateX","ty":"SERVICE","handlers":[]})"), "META0005");
  complains_of(endpoint(R"({"name":"OpenApi","ty":"SERVICE","handlers":[]})"), "META0005");
  EXPECT_EQ(complaint(endpoint(R"({"name":"openapix","ty":"SERVICE","handlers":[]})")), "");
}

TEST(manifest, speaks_a_version_that_we_speak) {
  const auto versions = [](const std::string& low, const std::string& high) {
    return complaint(R"({"protocolMode":"BIDI_STREAM","minProtocolVersion":)" + low +
                     R"(,"maxProtocolVersion":)" + high + R"(,"services":[]})");
  };
  EXPECT_EQ(versions("5", "7"), "");
  EXPECT_EQ(versions("1", "5"), "");
  EXPECT_EQ(versions("7", "99"), "");
  EXPECT_TRUE(versions("1", "4").starts_with("META0012"));
  EXPECT_TRUE(versions("8", "9").starts_with("META0012"));
  EXPECT_TRUE(versions("7", "5").starts_with("META0013"));
  EXPECT_TRUE(versions("5", "2147483648").starts_with("META0013"));
  EXPECT_TRUE(complaint(R"({"minProtocolVersion":5,"maxProtocolVersion":7,"services":[]})")
                  .starts_with("META0013"));
}

// Bytes of strangers: any cut and any changed byte is an answer, never a crash.
RC_GTEST_PROP(manifest, survives_any_change_of_a_byte, ()) {
  std::string json = endpoint(service(
      "WORKFLOW",
      R"({"name":"run","ty":"WORKFLOW","input":{"jsonSchema":{"a":[1,{}]}},"metadata":{"k":"v"}})"));
  const auto cut = *rc::gen::inRange<std::size_t>(0, json.size() + 1);
  const auto at = *rc::gen::inRange<std::size_t>(0, json.size());
  json[at] = *rc::gen::arbitrary<char>();
  (void)manifest_from_json(json);
  (void)manifest_from_json(std::string_view(json).substr(0, cut));
}

}  // namespace
}  // namespace perdure::control
