// Attempts as fibers: what goes over the wire, and what is proposed.
#include <gtest/gtest.h>

#include "tests/engine/invoker/bench_of_tests.h"

namespace perdure::invoker {
namespace {

using namespace std::chrono_literals;
using tests::Bench;
using tests::Served;

void echo(Served& served) {
  served.await("InputCommand");
  served.say({"output:hi", "end"});
  served.await_end();
}

std::string header(const Served& served, std::string_view name) {
  const std::string* found = io::find_header(served.request.headers, name);
  return found ? *found : "(none)";
}

TEST(Attempt, EchoIsOneRecord) {
  Bench bench;
  bench.handler(echo);
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.records, (std::vector<std::string>{"Pin Entry(OutputCommand) End"}));
  EXPECT_EQ(row.status, "ended");
  EXPECT_TRUE(bench.forgotten());
  EXPECT_TRUE(bench.call(1).body_ended);
  EXPECT_FALSE(bench.call(1).reset);  // the stream ended well, it was not cut
  EXPECT_EQ(bench.invoker.bytes_held(), 0U);
}

TEST(Attempt, HeadSaysWhoIsCalled) {
  Options options;
  options.additional_headers = {{"x-restate-cluster-name", "home"}};
  Bench bench(options);
  bench.handler(echo);
  bench.schemas.schema.deployments.front().uri = "http://handlers:9080/base/";
  bench.schemas.schema.deployments.front().additional_headers = {{"x-key", "secret"}};
  auto& row = bench.begin("object");
  row.replay.target.key = "a b/ü";
  bench.loop.run_until_idle();
  const Served& call = bench.call(1);
  EXPECT_EQ(call.request.method, "POST");
  EXPECT_EQ(call.request.target, "/base/invoke/Obj/add");
  EXPECT_EQ(call.request.authority, "handlers:9080");
  EXPECT_EQ(header(call, "content-type"), "application/vnd.restate.invocation.v6");
  EXPECT_EQ(header(call, "accept"), "application/vnd.restate.invocation.v6");
  EXPECT_EQ(header(call, "x-restate-invocation-id"), tests::caller_id().text());
  EXPECT_EQ(header(call, "x-restate-service-key"), "a%20b%2F%C3%BC");
  EXPECT_EQ(header(call, "x-restate-cluster-name"), "home");
  EXPECT_EQ(header(call, "x-key"), "secret");
  EXPECT_EQ(header(call, "traceparent"), "(none)");
}

wire::StartMessage start_of(Bench& bench, std::string_view type, auto prepare) {
  wire::StartMessage start;
  bench.handler([&](Served& served) {
    std::string name, payload;
    served.wait_frame(name, payload);
    start = *wire::decode<wire::StartMessage>(payload);
    served.say({"output:hi", "end"});
  });
  auto& row = bench.begin(type);
  prepare(row.replay);
  bench.loop.run_until_idle();
  return start;
}

TEST(Attempt, StartCarriesWhatIsKnown) {
  Bench bench;
  const wire::StartMessage start = start_of(bench, "object", [](Replay& replay) {
    replay.state = {{"n", "1"}, {"m", "2"}};
    replay.state_is_partial = false;
    replay.idempotency_key = "once";
  });
  EXPECT_EQ(start.id, tests::caller_id().bytes());
  EXPECT_EQ(start.debug_id, tests::caller_id().text());
  EXPECT_EQ(start.known_entries, 1U);
  EXPECT_EQ(start.key, "k");
  EXPECT_EQ(start.state_map.size(), 2U);
  EXPECT_FALSE(start.partial_state);
  EXPECT_EQ(start.random_seed, 42U);
  EXPECT_EQ(start.retry_count_since_last_stored_entry, 0U);
  EXPECT_FALSE(start.idempotency_key);  // version 7 knows it
}

TEST(Attempt, ServicesAndLazyHandlersHavePartialState) {
  Bench bench;
  EXPECT_TRUE(start_of(bench, "service", [](Replay&) {}).partial_state);
  Bench lazy;
  lazy.schemas.schema.services.at(1).options.enable_lazy_state = true;
  const wire::StartMessage start = start_of(lazy, "object", [](Replay& replay) {
    replay.state = {{"n", "1"}};
    replay.state_is_partial = false;
  });
  EXPECT_TRUE(start.partial_state);
  EXPECT_TRUE(start.state_map.empty());
}

TEST(Attempt, VersionSevenNeedsTheOption) {
  Options options;
  options.protocol_version_cap = 7;
  Bench bench(options);
  const wire::StartMessage start =
      start_of(bench, "service", [](Replay& replay) { replay.idempotency_key = "once"; });
  EXPECT_EQ(start.idempotency_key, "once");
  EXPECT_EQ(bench.call(1).version, 7U);
  EXPECT_EQ(bench.journal.rows.begin()->second.replay.protocol_version, 7U);
}

TEST(Attempt, PinIsKept) {
  Bench bench;  // whose cap is 6
  bench.handler(echo);
  auto& row = bench.begin();
  row.replay.deployment = tests::deployment_id();
  row.replay.protocol_version = 7;
  bench.loop.run_until_idle();
  EXPECT_EQ(bench.call(1).version, 7U);
  EXPECT_EQ(row.records, (std::vector<std::string>{"Entry(OutputCommand) End"}));
}

TEST(Attempt, RunsAreEchoed) {
  Bench bench;
  std::vector<std::string> heard;
  bench.handler([&](Served& served) {
    served.await("InputCommand");
    served.say({"run:1"});
    served.say({"ran:1~a"});
    heard.push_back(served.next());
    served.say({"output:hi", "end"});
    heard.push_back(served.next());
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(heard, (std::vector<std::string>{"RunCompletion", ""}));
  EXPECT_EQ(row.records, (std::vector<std::string>{"Pin Entry(RunCommand)", "CompleteRun",
                                                   "Entry(OutputCommand) End"}));
}

TEST(Attempt, AckComesAfterApply) {
  Bench bench;
  bench.journal.latency = 3s;
  Duration acked{};
  bench.handler([&](Served& served) {
    served.await("InputCommand");
    const Instant asked = bench.loop.clock.steady();
    served.say({"set:k~v+"});
    served.await("CommandAck");
    acked = bench.loop.clock.steady() - asked;
    served.say({"output:hi", "end"});
  });
  bench.begin("object");
  bench.loop.run_until_idle();
  EXPECT_EQ(acked, 3s);
}

TEST(Attempt, FramesMayBeCutAnywhere) {
  std::string said;
  for (const char* word : {"run:1", "ran:1~value", "set:key~value", "output:hello", "end"}) {
    said += tests::frame_of(word, 6);
  }
  for (std::size_t cut = 1; cut < said.size(); ++cut) {
    Bench bench;
    bench.handler([&](Served& served) {
      served.await("InputCommand");
      served.say_bytes(said.substr(0, cut));
      served.sleep(1ms);
      served.say_bytes(said.substr(cut));
      served.await_end();
    });
    auto& row = bench.begin("object");
    bench.loop.run_until_idle();
    ASSERT_EQ(row.status, "ended") << cut;
    ASSERT_EQ(row.replay.entries, 5U) << cut;
    ASSERT_EQ(bench.http.calls.size(), 1U) << cut;
  }
}

TEST(Attempt, OneByteAtATime) {
  Bench bench;
  bench.handler([](Served& served) {
    const std::string said = tests::frame_of("run:1", 6) + tests::frame_of("ran:1~v", 6) +
                             tests::frame_of("output:hello", 6) + tests::frame_of("end", 6);
    for (const char c : said) {
      served.say_bytes(std::string(1, c));
      served.sleep(1ms);
    }
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(row.records.size(), 4U);  // each message came alone, so each is a record
}

TEST(Attempt, SuspendsAndResumes) {
  Bench bench;
  bench.handler([&](Served& served) {
    if (bench.http.calls.size() == 1) {
      served.await("InputCommand");
      served.say({"sleep:1", "suspend:1"});
      return served.await_end();
    }
    served.await("SleepCompletion");  // it is in the replay
    served.say({"output:rested", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "suspended");
  EXPECT_TRUE(bench.forgotten());
  EXPECT_EQ(row.records.back(), "Pin Entry(SleepCommand) Suspend");
  bench.journal.append(tests::caller_id(), "done:sleep:1");
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 2U);
}

TEST(Attempt, SuspensionOnWhatIsThereGoesOn) {
  // The completion is stored while the Suspend is on its way: apply does not suspend.
  Bench bench;
  bench.journal.latency = 1s;
  bench.handler([&](Served& served) {
    if (bench.http.calls.size() == 1) {
      served.say({"sleep:1"});
      served.sleep(2s);
      served.say({"suspend:1"});
      return served.await_end();
    }
    served.await("SleepCompletion");
    served.say({"output:rested", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_for(2500ms);
  bench.journal.append(tests::caller_id(), "done:sleep:1");
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 2U);
}

TEST(Attempt, NotificationsAreForwardedWhileItRuns) {
  Bench bench;
  bench.handler([](Served& served) {
    served.say({"sleep:1"});
    served.await("SleepCompletion");
    served.say({"output:rested", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_for(1s);
  bench.journal.append(tests::caller_id(), "done:sleep:1");
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 1U);
}

TEST(Attempt, WhatIsStoredWhileTheJournalIsReadIsHeardOnce) {
  for (const bool late : {false, true}) {
    Bench bench;
    bench.journal.read_takes = 1s;
    std::vector<std::string> heard;
    bench.handler([&](Served& served) {
      for (std::string name = served.next(); !name.empty(); name = served.next()) {
        heard.push_back(name);
        if (name == "SignalNotification") served.say({"fail:409", "end"});
      }
    });
    auto& row = bench.begin();
    bench.loop.run_for(late ? 500ms : 0ms);  // in the first case the read has not begun
    bench.journal.append(tests::caller_id(), "cancelled");
    bench.loop.run_until_idle();
    EXPECT_EQ(row.status, "ended");
    EXPECT_EQ(heard, (std::vector<std::string>{"Start", "InputCommand", "SignalNotification"}))
        << late;
  }
}

TEST(Attempt, RequestResponseEndsTheBodyAtOnce) {
  Bench bench;
  bench.schemas.schema.deployments.front().mode = wire::ProtocolMode::request_response;
  bool ended_first = false;
  bench.handler([&](Served& served) {
    served.await_end();
    ended_first = true;
    served.say({"output:hi", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_TRUE(ended_first);
  EXPECT_EQ(row.status, "ended");
}

TEST(Attempt, NoInactivityMeansRequestResponse) {
  Bench bench;
  bench.schemas.schema.services.back().options.inactivity_timeout = 0ms;
  bench.handler([&](Served& served) {
    served.await_end();
    served.say({"output:hi", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 1U);
}

TEST(Attempt, Http11DeploymentsAreCalledSo) {
  Bench bench;
  bench.handler(echo);
  bench.schemas.schema.deployments.front().http = wire::UsedHttp::http1;
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.call(1).target.version, io::HttpVersion::http1);
}

TEST(Attempt, SilenceIsAskedToSuspend) {
  Bench bench;
  Duration asked{};
  bench.handler([&](Served& served) {
    served.say({"sleep:1"});
    served.await_end();
    asked = bench.loop.clock.steady() - (Instant() + 1h);
    served.say({"suspend:1"});
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(asked, 1min);
  EXPECT_EQ(row.status, "suspended");
  EXPECT_EQ(bench.http.calls.size(), 1U);
}

TEST(Attempt, MessagesOfEitherSidePushInactivityBack) {
  Bench bench;
  Duration asked{};
  bench.handler([&](Served& served) {
    served.say({"sleep:1", "sleep:2"});
    served.await_end();
    asked = bench.loop.clock.steady() - (Instant() + 1h);
    served.say({"suspend:2"});
  });
  bench.begin();
  bench.loop.run_for(50s);
  bench.journal.append(tests::caller_id(), "done:sleep:1");
  bench.loop.run_until_idle();
  EXPECT_EQ(asked, 110s);
}

TEST(Attempt, SilenceAfterThatIsGivenUp) {
  Bench bench;
  bench.handler([&](Served& served) {
    if (bench.http.calls.size() > 1) return echo(served);
    served.say({"sleep:1"});
    served.await_end();
    served.sleep(1h);
  });
  auto& row = bench.begin();
  bench.loop.run_for(11min + 10ms);
  EXPECT_EQ(bench.state().last_failure.value_or(AttemptFailure()).restate_code, "RT0001");
  EXPECT_TRUE(bench.call(1).reset);
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 2U);
}

TEST(Attempt, ASlowLogIsNotTheHandlersSilence) {
  Bench bench;
  bench.journal.latency = 5min;
  bench.handler([&](Served& served) {
    served.say({"run:1"});
    served.say({"ran:1~a"});
    served.await("RunCompletion");
    served.say({"output:hi", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 1U);
}

TEST(Attempt, AHandlerThatDoesNotReadIsGivenUp) {
  Bench bench;
  bench.handler([&](Served& served) {
    served.stuck = bench.http.calls.size() == 1;
    if (served.stuck) return served.sleep(1h);
    echo(served);
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 2U);
}

TEST(Attempt, AnEarlyRefusalEndsTheReplay) {
  Bench bench;
  bench.handler([&](Served& served) {
    if (bench.http.calls.size() > 1) return echo(served);
    served.stuck = true;  // and answers without having read
    served.head(413, {});
  });
  auto& row = bench.begin();
  bench.loop.run_for(1ms);
  EXPECT_EQ(bench.state().last_failure.value_or(AttemptFailure()).restate_code, "RT0019");
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
}

TEST(Attempt, AFullLogSlowsTheHandlerDown) {
  Bench bench;
  bench.journal.full_for = 20;
  bench.handler(echo);
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(row.records, (std::vector<std::string>{"Pin Entry(OutputCommand) End"}));
}

TEST(Attempt, TrailingBytesAreDrainedForAWhile) {
  Bench bench;
  bench.handler([](Served& served) {
    served.say({"output:hi", "end"});
    for (int i = 0; i < 100; ++i) {
      served.say({"output:again"});
      served.sleep(1s);
    }
  });
  auto& row = bench.begin();
  bench.loop.run_for(1s);
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.invoker.in_flight(), 0U);
  EXPECT_FALSE(bench.call(1).reset);
  bench.loop.run_for(5s);
  EXPECT_TRUE(bench.call(1).reset);
  EXPECT_EQ(row.records.size(), 1U);
}

}  // namespace
}  // namespace perdure::invoker
