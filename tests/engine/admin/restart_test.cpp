#include "engine/admin/restart.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/engine/admin/pretence.h"

namespace tests {
namespace {

using enum wire::MessageType;

const wire::InvocationId old_id{.partition_key = 1, .uuid = {.high = 2, .low = 3}};

std::string journal_of(std::initializer_list<std::string> frames) {
  std::string journal;
  for (const std::string& frame : frames) journal += frame;
  return journal;
}
template <wire::Message T>
std::string frame(wire::MessageType type, const T& message) {
  std::string bytes;
  wire::put_message(bytes, type, message);
  return bytes;
}
std::string input() { return frame(input_command, wire::InputCommand{.value = {.content = "1"}}); }
std::string run(std::uint32_t id) {
  return frame(run_command, wire::CompletableCommand{.result_completion_id = id});
}
std::string completion(wire::MessageType type, std::uint32_t id) {
  return frame(type, wire::Notification::of_completion(id, wire::Value{.content = "x"}));
}
std::string call(std::uint32_t first) {
  return frame(call_command, wire::CallCommand{.invocation_id_notification_idx = first,
                                               .result_completion_id = first + 1});
}
std::string signal(std::uint32_t number) {
  wire::Notification notification;
  notification.id.emplace<2>(number);
  return frame(signal_notification, notification);
}

admin::Past past_of(std::string journal) {
  return {.target = {.service = "M", .handler = "a"},
          .pinned = wire::DeploymentId{.ulid = {.high = 1, .low = 1}},
          .protocol_version = 6,
          .random_seed = 77,
          .journal = std::move(journal)};
}

admin::Restart wanted(std::uint64_t from) {
  return {.id = old_id,
          .from = from,
          .as = {.partition_key = 1, .uuid = {.high = 9, .low = 9}},
          .random_seed = 88};
}

// What the new one begins with, or the status of the refusal.
std::string taken(std::uint64_t from, const std::string& journal) {
  const auto made = admin::restarted(wanted(from), past_of(journal));
  if (const auto* why = std::get_if<admin::Refused>(&made)) return std::to_string(why->status);
  return std::get<wire::Invoke>(made).inherited->journal;
}

TEST(restart, from_the_beginning_takes_the_input_and_draws_anew) {
  const std::string journal = journal_of({input(), run(1), completion(run_completion, 1)});
  const auto made = admin::restarted(wanted(0), past_of(journal));
  const auto& invoke = std::get<wire::Invoke>(made);
  EXPECT_EQ(invoke.inherited->journal, input());
  EXPECT_EQ(invoke.random_seed, 88u);
  EXPECT_EQ(invoke.id.uuid.high, 9u);
  EXPECT_EQ(invoke.inherited->deployment, past_of("").pinned);
}

TEST(restart, a_prefix_draws_what_it_drew) {
  const std::string journal = journal_of({input(), run(1), completion(run_completion, 1)});
  const auto made = admin::restarted(wanted(1), past_of(journal));
  EXPECT_EQ(std::get<wire::Invoke>(made).random_seed, 77u);
}

TEST(restart, a_prefix_brings_the_completions_of_its_commands_from_behind) {
  const std::string journal =
      journal_of({input(), run(1), run(2), call(3), completion(run_completion, 2),
                  completion(call_invocation_id_completion, 3), signal(17),
                  completion(run_completion, 1), completion(call_completion, 4), run(5)});
  EXPECT_EQ(taken(1, journal), journal_of({input(), run(1), completion(run_completion, 1)}));
  EXPECT_EQ(taken(2, journal), journal_of({input(), run(1), run(2), completion(run_completion, 2),
                                           completion(run_completion, 1)}));
  EXPECT_EQ(taken(3, journal),
            journal_of({input(), run(1), run(2), call(3), completion(run_completion, 2),
                        completion(call_invocation_id_completion, 3), completion(run_completion, 1),
                        completion(call_completion, 4)}));
  // Signals only as far as the prefix goes.
  EXPECT_EQ(taken(6, journal),
            journal_of({input(), run(1), run(2), call(3), completion(run_completion, 2),
                        completion(call_invocation_id_completion, 3), signal(17),
                        completion(run_completion, 1), completion(call_completion, 4)}));
}

TEST(restart, a_command_without_its_completion_is_not_taken_along) {
  const std::string journal =
      journal_of({input(), call(1), completion(call_invocation_id_completion, 1), run(3)});
  EXPECT_EQ(taken(0, journal), input());
  EXPECT_EQ(taken(1, journal), "400");
  EXPECT_EQ(taken(3, journal), "400");
}

TEST(restart, an_entry_behind_the_journals_end_is_refused) {
  const std::string journal = journal_of({input(), run(1), completion(run_completion, 1)});
  EXPECT_EQ(taken(2, journal), journal);
  EXPECT_EQ(taken(3, journal), "400");
  EXPECT_EQ(taken(4'000'000'000, journal), "400");
}

TEST(restart, what_cannot_be_repeated_is_refused) {
  EXPECT_EQ(taken(0, ""), "410");
  admin::Past workflow = past_of(input());
  workflow.target.service_type = wire::ServiceType::workflow;
  EXPECT_EQ(std::get<admin::Refused>(admin::restarted(wanted(0), workflow)).status, 422);
  admin::Past old = past_of(journal_of({input(), run(1), completion(run_completion, 1)}));
  old.protocol_version = 5;
  EXPECT_EQ(std::get<admin::Refused>(admin::restarted(wanted(1), old)).status, 422);
  EXPECT_TRUE(std::holds_alternative<wire::Invoke>(admin::restarted(wanted(0), old)));
}

TEST(restart, a_deployment_must_be_there_and_speak_the_protocol) {
  admin::Restart restart = wanted(0);
  restart.on_given = true;
  EXPECT_EQ(std::get<admin::Refused>(admin::restarted(restart, past_of(input()))).status, 400);
  wire::Deployment on{
      .id = {.ulid = {.high = 5, .low = 5}}, .min_protocol_version = 5, .max_protocol_version = 7};
  restart.on = &on;
  const auto made = admin::restarted(restart, past_of(input()));
  EXPECT_EQ(std::get<wire::Invoke>(made).inherited->deployment, on.id);
  EXPECT_EQ(std::get<wire::Invoke>(made).inherited->protocol_version, 6u);
  on.max_protocol_version = 5;
  EXPECT_EQ(std::get<admin::Refused>(admin::restarted(restart, past_of(input()))).status, 400);
  // What never began is pinned when it does.
  admin::Past never_began = past_of(input());
  never_began.pinned.reset();
  never_began.protocol_version = 0;
  EXPECT_FALSE(
      std::get<wire::Invoke>(admin::restarted(restart, never_began)).inherited->deployment);
}

TEST(restart, only_what_has_completed_is_restarted) {
  AdminBench bench;
  bench.registry.schema.deployments[0].min_protocol_version = 5;
  bench.registry.schema.deployments[0].max_protocol_version = 7;
  const std::string target = "/v4/invocations/" + old_id.text() + "/restart-as-new";
  const auto status = [&](const std::string& query = "") {
    return bench.send("PATCH", target + query).reply.status;
  };
  EXPECT_EQ(status(), 404);
  bench.partitions.stages[old_id] = {.stage = admin::Stage::inboxed};
  EXPECT_EQ(status(), 425);
  bench.partitions.stages[old_id] = {.stage = admin::Stage::suspended};
  EXPECT_EQ(status(), 409);
  bench.partitions.stages[old_id] = {.stage = admin::Stage::completed};
  bench.partitions.pasts[old_id] = past_of(input());
  EXPECT_EQ(status("?from=x"), 400);
  EXPECT_EQ(status("?from=4294967296"), 400);
  EXPECT_EQ(status("?from=7"), 400);
  EXPECT_EQ(status("?deployment=dp_1nonsense"), 400);
  EXPECT_TRUE(bench.partitions.records.empty());
  const PretendExchange done = bench.send("PATCH", target);
  EXPECT_EQ(done.reply.status, 200);
  const auto& invoke = std::get<wire::Invoke>(bench.partitions.records.at(0).commands.at(0).body);
  EXPECT_EQ(invoke.id.partition_key, old_id.partition_key);
  EXPECT_EQ(nlohmann::json::parse(done.body)["new_invocation_id"], invoke.id.text());
  EXPECT_EQ(invoke.inherited->deployment, bench.deployment);  // the newest, without a word
  bench.partitions.errors = {Code::invalid};
  EXPECT_EQ(status(), 413);
  bench.partitions.records.clear();
  EXPECT_EQ(status("?deployment=keep"), 200);
  EXPECT_EQ(std::get<wire::Invoke>(bench.partitions.records.at(0).commands.at(0).body)
                .inherited->deployment,
            past_of("").pinned);
}

}  // namespace
}  // namespace tests
