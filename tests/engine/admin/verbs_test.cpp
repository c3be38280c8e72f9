#include "engine/admin/verbs.h"

#include "engine/admin/routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/admin/views.h"
#include "tests/engine/admin/pretence.h"

namespace tests {
namespace {

using admin::Stage;
using admin::Verb;

const wire::InvocationId one{.partition_key = 1, .uuid = {.high = 2, .low = 3}};

std::string told(Verb verb, Stage stage) {
  const admin::Verdict verdict = admin::decide(verb, one, {.stage = stage});
  std::string text = std::to_string(verdict.status);
  if (verdict.command) text += " " + std::string(wire::name_of(*verdict.command));
  return text;
}

TEST(verbs, what_has_not_begun_is_ended_at_once_and_what_runs_is_asked) {
  EXPECT_EQ(told(Verb::cancel, Stage::scheduled), "200 Cancel");
  EXPECT_EQ(told(Verb::cancel, Stage::inboxed), "200 Cancel");
  EXPECT_EQ(told(Verb::cancel, Stage::running), "202 Cancel");
  EXPECT_EQ(told(Verb::kill, Stage::running), "200 Kill");
  EXPECT_EQ(told(Verb::cancel, Stage::completed), "409");
  EXPECT_EQ(told(Verb::kill, Stage::completed), "409");
}

TEST(verbs, pausing_twice_is_fine_and_resuming_needs_a_beginning) {
  EXPECT_EQ(told(Verb::pause, Stage::running), "202 Pause");
  EXPECT_EQ(told(Verb::pause, Stage::paused), "200");
  EXPECT_EQ(told(Verb::pause, Stage::scheduled), "409");
  EXPECT_EQ(told(Verb::pause, Stage::completed), "409");
  EXPECT_EQ(told(Verb::resume, Stage::paused), "200 Resume");
  EXPECT_EQ(told(Verb::resume, Stage::inboxed), "425");
  EXPECT_EQ(told(Verb::resume, Stage::completed), "409");
}

TEST(verbs, only_what_has_ended_is_forgotten) {
  EXPECT_EQ(told(Verb::purge, Stage::completed), "200 Purge");
  EXPECT_EQ(told(Verb::purge_journal, Stage::completed), "200 Purge");
  EXPECT_EQ(told(Verb::purge, Stage::suspended), "409");
}

TEST(admin, a_verb_is_submitted_until_it_is_known_to_have_taken_effect) {
  AdminBench bench;
  bench.partitions.stages[one] = {.stage = Stage::running};
  bench.partitions.errors = {Code::failed, Code::retry_later};
  EXPECT_EQ(bench.send("PATCH", "/v4/invocations/" + one.text() + "/cancel").reply.status, 202);
  ASSERT_EQ(bench.partitions.records.size(), 3u);
  // The same request id each time, or a late first try would count twice.
  EXPECT_EQ(wire::show(bench.partitions.records[0]), wire::show(bench.partitions.records[2]));
}

TEST(admin, a_verb_goes_by_the_time_of_its_partition) {
  AdminBench bench;
  bench.partitions.stages[one] = {.stage = Stage::running};
  bench.partitions.not_before = WallTime(std::chrono::years(100));
  EXPECT_EQ(bench.send("PATCH", "/v4/invocations/" + one.text() + "/cancel").reply.status, 202);
  ASSERT_EQ(bench.partitions.records.size(), 2u);
  const auto time = [&](std::size_t i) {
    return std::get<wire::RequestProducer>(bench.partitions.records[i].producer).first_attempt;
  };
  EXPECT_LT(time(0), bench.partitions.not_before);
  EXPECT_EQ(time(1), bench.partitions.not_before);
}

TEST(admin, a_running_invocation_does_not_move_to_another_deployment) {
  AdminBench bench;
  bench.partitions.stages[one] = {
      .stage = Stage::running, .pinned = bench.deployment, .service = "M"};
  const std::string resume = "/invocations/" + one.text() + "/resume?deployment=";
  EXPECT_EQ(bench.send("PATCH", resume + "latest").reply.status, 409);
  bench.partitions.stages[one].stage = Stage::paused;
  EXPECT_EQ(bench.send("PATCH", resume + wire::DeploymentId{}.text()).reply.status, 400);
  EXPECT_TRUE(bench.partitions.records.empty());
  EXPECT_EQ(bench.send("PATCH", resume + "latest").reply.status, 200);
  EXPECT_EQ(std::get<wire::Resume>(bench.partitions.records.at(0).commands.at(0).body).deployment,
            bench.deployment);
}

TEST(admin, registering_overwrites_by_default_only_in_the_oldest_version) {
  AdminBench bench;
  const std::string body =
      R"({"uri":"http://a:1","additional_headers":{"X-A":"b"},"dry_run":true})";
  EXPECT_EQ(bench.send("POST", "/v2/deployments", body).reply.status, 201);
  EXPECT_EQ(bench.send("POST", "/v3/deployments", body).reply.status, 201);
  bench.registry.known = true;
  EXPECT_EQ(bench.send("POST", "/deployments", body).reply.status, 200);
  EXPECT_TRUE(bench.registry.registrations.at(0).force);
  EXPECT_FALSE(bench.registry.registrations.at(1).force);
  EXPECT_FALSE(bench.registry.registrations.at(2).force);
  EXPECT_TRUE(bench.registry.registrations.at(0).dry_run);
  EXPECT_EQ(bench.registry.registrations.at(0).additional_headers.at(0).key, "x-a");
}

TEST(admin, a_state_is_replaced_by_bytes) {
  AdminBench bench;
  EXPECT_EQ(bench
                .send("POST", "/services/O/state",
                      R"({"object_key":"k","new_state":{"b":[0,255],"a":[49]},"version":"v"})")
                .reply.status,
            202);
  const auto& patch =
      std::get<wire::PatchState>(bench.partitions.records.at(0).commands.at(0).body);
  EXPECT_EQ(patch.target.text(), "O/k/");
  EXPECT_EQ(patch.expected_version, "v");
  EXPECT_EQ(patch.state.at(0).key, "a");
  EXPECT_EQ(patch.state.at(1).value, std::string("\0\xFF", 2));
}

TEST(admin, bodies_are_bounded_in_size_and_depth) {
  AdminBench bench;
  bench.options.body_bytes_max = 1000;
  EXPECT_EQ(bench.send("POST", "/deployments", std::string(1001, ' ')).reply.status, 413);
  EXPECT_EQ(bench.send("POST", "/deployments", std::string(900, '[')).reply.status, 400);
}

// As 1.7.12 says it of the handlers of the Go SDK that answer with plain bytes.
TEST(admin, an_output_that_may_be_empty_is_optional) {
  const auto described = [](wire::OutputRules rules) {
    const wire::Handler handler{.name = "h", .output = std::move(rules)};
    return admin::view_of<nlohmann::ordered_json>(handler, wire::Service{})["output_description"];
  };
  EXPECT_EQ(described({.content_type = "a/b", .set_content_type_if_empty = true}), "optional a/b");
  EXPECT_EQ(described({.content_type = "a/b"}), "a/b");
  EXPECT_EQ(described({.content_type = "a/b",
                       .set_content_type_if_empty = true,
                       .json_schema = R"({"type":"string"})"}),
            "JSON string");
}

// Restate's command line asks for SQL, and shows what it is told.
TEST(admin, what_we_do_not_have_is_said_in_words) {
  AdminBench bench;
  const PretendExchange query = bench.send("POST", "/v4/query", R"({"query":"select 1"})");
  EXPECT_EQ(query.reply.status, 501);
  EXPECT_EQ(query.body, R"({"message":"This server does not have SQL.","restate_code":null})");
  EXPECT_EQ(bench.send("PUT", "/limits/rules", "[]").reply.status, 501);
  EXPECT_EQ(bench.send("GET", "/queryx").reply.status, 404);
}

TEST(routes, every_row_is_found_by_its_own_path) {
  for (const admin::Row& row : admin::rows()) {
    for (const std::string prefix : {"", "/v2", "/v3", "/v4"}) {
      const auto match = admin::match_route(row.method, prefix + std::string(row.path));
      const auto* found = std::get_if<admin::Found>(&match);
      ASSERT_TRUE(found) << row.method << ' ' << row.path;
      EXPECT_EQ(found->row, &row);
    }
  }
}

}  // namespace
}  // namespace tests
