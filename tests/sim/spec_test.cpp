#include "sim/check/spec.h"

#include <gtest/gtest.h>

#include "sim/check/history_export.h"
#include "sim/check/spec_check.h"

namespace perdure::sim {
namespace {

using spec::Act;

std::string run(spec::State& state, Act act, std::string input = "", std::string expected = "") {
  const spec::Call call = {
      .act = act, .key = "k", .input = std::move(input), .expected = std::move(expected)};
  spec::Applied applied = spec::apply(state, call);
  state = std::move(applied.state);
  return applied.result;
}

TEST(Spec, SaysWhatEachServiceMeans) {
  spec::State state;
  EXPECT_EQ(run(state, Act::counter_get), "0");
  EXPECT_EQ(run(state, Act::counter_add), "1");
  EXPECT_EQ(run(state, Act::counter_add), "2");
  EXPECT_EQ(run(state, Act::list_append, "a"), "1");
  EXPECT_EQ(run(state, Act::list_append, "b"), "2");
  EXPECT_EQ(run(state, Act::list_items), "a,b");
  EXPECT_EQ(run(state, Act::register_put, "x"), "");
  EXPECT_EQ(run(state, Act::register_cas, "y", "w"), "false");
  EXPECT_EQ(run(state, Act::register_cas, "y", "x"), "true");
  EXPECT_EQ(run(state, Act::register_get), "y");
  EXPECT_EQ(run(state, Act::promise_peek), "");
  EXPECT_EQ(run(state, Act::promise_resolve, "yes"), "yes");
  EXPECT_EQ(run(state, Act::promise_resolve, "no"), "yes");
  EXPECT_EQ(run(state, Act::promise_peek), "yes");
  EXPECT_EQ(run(state, Act::workflow_run, "one"), "one");
  EXPECT_EQ(run(state, Act::workflow_run, "two"), "one");
  EXPECT_EQ(run(state, Act::clear), "");
  EXPECT_EQ(run(state, Act::counter_get), "0");
  EXPECT_EQ(run(state, Act::list_items), "");
  EXPECT_EQ(run(state, Act::workflow_run, "three"), "one");  // a workflow's end stays
}

TEST(Spec, LeavesTheStateItWasGivenAlone) {
  const spec::State before = spec::apply({}, {.act = Act::counter_add, .key = "k"}).state;
  const spec::Applied after = spec::apply(before, {.act = Act::counter_add, .key = "k"});
  EXPECT_EQ(before.at("k").count, 1U);
  EXPECT_EQ(after.state.at("k").count, 2U);
}

Operation did(std::string token, Verb verb, Fate fate, std::string answer, Nanos at = 10) {
  return {.client = 1,
          .verb = verb,
          .key = "k",
          .token = std::move(token),
          .attempts = 1,
          .invoked = at,
          .returned = at + 5,
          .fate = fate,
          .answer = std::move(answer)};
}

TEST(AgainstSpec, AnswersInSomeOrderAreFine) {
  const std::vector<Operation> operations = {
      did("a", Verb::add, Fate::answered, "3"), did("b", Verb::add, Fate::answered, "1"),
      did("c", Verb::add, Fate::unknown, ""), did("d", Verb::append, Fate::answered, "2"),
      did("e", Verb::send, Fate::answered, "")};
  EXPECT_FALSE(
      against_spec(operations, std::vector<FinalRead>{{.key = "k", .value = "3"},
                                                      {.key = "k", .list = true, .value = "e,d"}}));
}

TEST(AgainstSpec, WhatNoOrderExplainsIsFound) {
  const auto subject = [](std::vector<Operation> operations, FinalRead read) {
    const auto wrong = against_spec(operations, std::vector{std::move(read)});
    return wrong ? wrong->check + " " + wrong->subject : "";
  };
  // A count that nobody's add explains.
  EXPECT_EQ(subject({did("a", Verb::add, Fate::answered, "2")}, {.key = "k", .value = "2"}),
            "equals-spec add");
  EXPECT_EQ(
      subject({did("a", Verb::add, Fate::answered, "1"), did("b", Verb::add, Fate::answered, "1")},
              {.key = "k", .value = "2"}),
      "equals-spec add");
  EXPECT_EQ(subject({did("a", Verb::add, Fate::answered, "1")}, {.key = "k", .value = "2"}),
            "equals-spec get");
  // One that was lost.
  EXPECT_EQ(subject({did("a", Verb::add, Fate::answered, "1")}, {.key = "k", .value = "0"}),
            "equals-spec get");
  // A place that is another one's.
  EXPECT_EQ(subject({did("a", Verb::append, Fate::answered, "1"),
                     did("b", Verb::append, Fate::answered, "2")},
                    {.key = "k", .list = true, .value = "b,a"}),
            "equals-spec append");
  EXPECT_EQ(subject({}, {.key = "k", .list = true, .value = "z"}), "equals-spec append");
}

TEST(ExportedHistory, IsInTheOrderOfTimeAndSplitsLostProcesses) {
  const std::vector<Operation> operations = {
      did("a", Verb::add, Fate::unknown, "", 10), did("x", Verb::echo, Fate::answered, "x", 11),
      did("b", Verb::add, Fate::answered, "2", 12), did("c", Verb::add, Fate::refused, "no", 30)};
  EXPECT_EQ(
      json_lines(operations,
                 std::vector<FinalRead>{{.key = "k", .value = "2", .invoked = 50, .returned = 60}}),
      R"({"process":1,"type":"invoke","f":"add","key":"k","value":1,"time":10}
{"process":1001,"type":"invoke","f":"add","key":"k","value":1,"time":12}
{"process":1,"type":"info","f":"add","key":"k","value":1,"time":15}
{"process":1001,"type":"ok","f":"add","key":"k","value":2,"time":17}
{"process":1001,"type":"invoke","f":"add","key":"k","value":1,"time":30}
{"process":1001,"type":"fail","f":"add","key":"k","value":1,"time":35}
{"process":0,"type":"invoke","f":"get","key":"k","value":null,"time":50}
{"process":0,"type":"ok","f":"get","key":"k","value":2,"time":60}
)");
}

}  // namespace
}  // namespace perdure::sim
