// What becomes of attempts that fail, are stopped, or must wait.
#include <gtest/gtest.h>

#include "engine/base/bytes.h"
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

wire::InvocationId other(std::uint64_t n) {
  return {.partition_key = n, .uuid = {.high = 9, .low = n}};
}

// The first attempt goes as said; later ones echo.  Returns how the first one failed.
AttemptFailure first_fails(Bench& bench, const tests::FakeHttp::Handler& first) {
  bench.handler([&bench, first](Served& served) {
    bench.http.calls.size() == 1 ? first(served) : echo(served);
  });
  auto& row = bench.begin();
  bench.loop.run_for(400ms);
  const AttemptFailure why = bench.state().last_failure.value_or(AttemptFailure());
  EXPECT_FALSE(bench.state().in_flight);
  EXPECT_TRUE(bench.state().next_retry);
  EXPECT_TRUE(bench.call(1).reset);  // not drained: whoever failed has nothing to say
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 2U);
  return why;
}

std::string code_of_first(const tests::FakeHttp::Handler& first) {
  Bench bench;
  return first_fails(bench, first).restate_code;
}

TEST(Invoker, FailuresHaveTheirNames) {
  EXPECT_EQ(code_of_first([](Served& served) { served.say({"error:500:boom"}); }), "RT0007");
  EXPECT_EQ(code_of_first([](Served& served) { served.say({"error:570:boom"}); }), "RT0016");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(502, {}); }), "RT0010");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(504, {}); }), "RT0010");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(503, {}); }), "RT0023");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(415, {}); }), "RT0015");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(413, {}); }), "RT0019");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(404, {}); }), "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(301, {}); }), "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) { served.break_off(); }), "RT0010");
  EXPECT_EQ(code_of_first([](Served& served) { served.say({"end"}); }), "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(); }), "");  // no last message
}

TEST(Invoker, ContentTypesAreExact) {
  EXPECT_EQ(
      code_of_first([](Served& served) { served.head(200, {{"content-type", "text/html"}}); }),
      "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) {
              served.head(200, {{"content-type", "application/vnd.restate.invocation.v5"}});
            }),
            "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) { served.head(200, {{"server", "x"}}); }), "RT0012");
}

TEST(Invoker, RubbishFailsTheAttemptOnly) {
  EXPECT_EQ(code_of_first([](Served& served) { served.say_bytes(std::string(500, '\x7f')); }),
            "RT0003");
  EXPECT_EQ(code_of_first([](Served& served) { served.say_bytes(std::string(500, '\0')); }),
            "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) { served.say({"raw:1025:rubbish"}); }), "RT0012");
  EXPECT_EQ(code_of_first([](Served& served) {
              served.say_bytes(tests::frame_of("output:hello", 6).substr(0, 11));
            }),
            "");
}

TEST(Invoker, HugeFramesAreRefusedByTheirHeader) {
  std::string header;
  put_be(header, std::uint16_t{0x0401});
  put_be(header, std::uint16_t{0});
  put_be(header, std::uint32_t{32u << 20});
  EXPECT_EQ(code_of_first([&](Served& served) { served.say_bytes(header); }), "RT0003");
}

TEST(Invoker, RefusedConnectionsAreRetried) {
  Bench bench;
  bench.handler(echo);
  bench.http.refuses = true;
  auto& row = bench.begin();
  bench.loop.run_for(2s);  // tried at 0, 0.5, 1.5
  EXPECT_EQ(bench.state().failures, 3U);
  EXPECT_EQ(bench.state().attempts, 3U);
  EXPECT_EQ(bench.state().last_failure->restate_code, "RT0010");
  bench.http.refuses = false;
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
}

TEST(Invoker, RetryAfterIsHeeded) {
  Bench bench;
  std::vector<Duration> tries;
  bench.handler([&](Served& served) {
    tries.push_back(bench.loop.clock.steady() - (Instant() + 1h));
    if (tries.size() == 1) return served.head(429, {{"retry-after", "17"}});
    // The test's wall clock began at 2023-11-14 22:13:20, an hour of steady time later.
    if (tries.size() == 2)
      return served.head(503, {{"retry-after", "Tue, 14 Nov 2023 23:14:07 GMT"}});
    echo(served);
  });
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(tries, (std::vector<Duration>{0s, 17s, 47s}));
}

TEST(Invoker, TheHandlerIsToldOfItsFailures) {
  Bench bench;
  std::vector<std::uint32_t> counts;
  std::vector<std::uint64_t> durations;
  bench.handler([&](Served& served) {
    std::string name, payload;
    served.wait_frame(name, payload);
    const auto start = *wire::decode<wire::StartMessage>(payload);
    counts.push_back(start.retry_count_since_last_stored_entry);
    durations.push_back(start.duration_since_last_stored_entry);
    if (counts.size() == 3) served.say({"run:1"});  // progress: its own failure is the first
    served.say({counts.size() < 5 ? "error:500:boom" : "output:hi"});
    if (counts.size() == 5) served.say({"end"});
  });
  bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(counts, (std::vector<std::uint32_t>{0, 1, 2, 1, 2}));
  EXPECT_EQ(durations, (std::vector<std::uint64_t>{0, 500, 1500, 500, 1500}));
}

TEST(Invoker, PausesWhenAttemptsAreUsedUp) {
  Bench bench;
  bench.handler([](Served& served) { served.say({"error:500:boom"}); });
  bench.schemas.schema.services.back().options.retry_max_attempts = 3;
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "paused");
  EXPECT_EQ(bench.http.calls.size(), 3U);
  EXPECT_TRUE(bench.forgotten());
}

// The attempt that made the progress is the first of those that its next step has, also
// when it failed before it could hear that the command was stored.
TEST(Invoker, TheAttemptThatGotFurtherCounts) {
  for (const Duration latency : {Duration(0), Duration(1min)}) {
    Bench bench;
    bench.journal.latency = latency;
    bench.handler([&bench](Served& served) {
      if (bench.http.calls.size() == 1) served.say({"run:1"});
      served.say({"error:500:boom"});
    });
    bench.schemas.schema.services.back().options.retry_max_attempts = 3;
    auto& row = bench.begin();
    bench.loop.run_until_idle();
    EXPECT_EQ(row.status, "paused");
    EXPECT_EQ(bench.http.calls.size(), 3U);
  }
}

TEST(Invoker, OrFails) {
  Bench bench;
  bench.handler([](Served& served) { served.say({"error:500:boom"}); });
  bench.schemas.schema.services.back().options.retry_max_attempts = 2;
  bench.schemas.schema.services.back().options.retry_on_max_attempts = wire::OnMaxAttempts::kill;
  auto& row = bench.begin();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "failed");
  EXPECT_EQ(bench.http.calls.size(), 2U);
}

TEST(Invoker, ARetryWaitsForWhatWasProposed) {
  // restate #3068: the second attempt must see what the first one said.
  Bench bench;
  bench.journal.latency = 1min;
  std::vector<std::uint32_t> known;
  bench.handler([&](Served& served) {
    std::string name, payload;
    served.wait_frame(name, payload);
    known.push_back(wire::decode<wire::StartMessage>(payload)->known_entries);
    if (known.size() == 1) {
      served.say({"run:1"});
      served.say({"ran:1~a"});
      return served.say({"error:500:boom"});
    }
    served.say({"output:hi", "end"});
  });
  auto& row = bench.begin();
  bench.loop.run_for(59s);
  EXPECT_EQ(known.size(), 1U);
  bench.loop.run_until_idle();
  EXPECT_EQ(known, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(row.status, "ended");
}

TEST(Invoker, AStopIsHeardAtOnce) {
  Bench bench;
  bench.handler([](Served& served) {
    served.say({"run:1"});
    served.sleep(1s);
    served.say({"ran:1~late", "output:late", "end"});
    served.await_end();
  });
  auto& row = bench.begin();
  bench.loop.run_for(500ms);
  EXPECT_EQ(bench.invoker.in_flight(), 1U);
  bench.invoker.stop(tests::caller_id());
  EXPECT_EQ(bench.invoker.in_flight(), 0U);
  bench.loop.run_until_idle();
  EXPECT_TRUE(bench.call(1).reset);
  EXPECT_EQ(row.records, (std::vector<std::string>{"Pin Entry(RunCommand)"}));
  EXPECT_TRUE(bench.forgotten());
  EXPECT_EQ(bench.invoker.bytes_held(), 0U);
}

TEST(Invoker, AStopAtEveryStepLeavesNothing) {
  for (int step = 0; step < 40; ++step) {
    Bench bench;
    bench.journal.latency = 3ms;
    bench.journal.read_takes = 3ms;
    bench.handler([](Served& served) {
      served.await("InputCommand");
      served.sleep(3ms);
      served.say({"run:1"});
      served.sleep(3ms);
      served.say({"ran:1~a"});
      served.await("RunCompletion");
      served.say({"output:hi", "end"});
      served.await_end();
    });
    bench.begin();
    bench.loop.run_for(std::chrono::milliseconds(step));
    bench.invoker.stop(tests::caller_id());
    bench.invoker.check_invariants();
    bench.loop.run_until_idle();
    ASSERT_TRUE(bench.forgotten()) << step;
    ASSERT_EQ(bench.invoker.in_flight(), 0U) << step;
    ASSERT_EQ(bench.invoker.bytes_held(), 0U) << step;
  }
}

TEST(Invoker, StopAndStartMakeOneSuccessor) {
  // Paused and resumed at once, with the old attempt's words still on their way.
  for (int step = 0; step < 30; ++step) {
    Bench bench;
    bench.journal.latency = 3ms;
    bench.journal.read_takes = 2ms;
    bench.handler([&](Served& served) {
      served.await("InputCommand");
      served.say({"run:1"});
      served.sleep(5ms);
      served.say({"ran:1~a"});
      if (!served.reset) served.say({"output:hi", "end"});
      served.await_end();
    });
    auto& row = bench.begin();
    bench.loop.run_for(std::chrono::milliseconds(step));
    if (row.status == "invoked") {
      bench.invoker.stop(tests::caller_id());
      bench.invoker.start(PartitionId(0), tests::caller_id());
    }
    bench.invoker.check_invariants();
    bench.loop.run_until_idle();
    ASSERT_EQ(row.status, "ended") << step;
    ASSERT_TRUE(bench.forgotten()) << step;
  }
}

TEST(Invoker, FencedEndsIt) {
  Bench bench;
  bench.journal.fenced = true;
  bench.handler(echo);
  bench.begin();
  bench.loop.run_until_idle();
  EXPECT_TRUE(bench.forgotten());
  EXPECT_TRUE(bench.call(1).reset);
  EXPECT_EQ(bench.http.calls.size(), 1U);
}

TEST(Invoker, WhatIsGoneIsForgotten) {
  Bench bench;
  bench.handler(echo);
  bench.begin();
  bench.journal.rows.clear();
  bench.loop.run_until_idle();
  EXPECT_TRUE(bench.forgotten());
  EXPECT_TRUE(bench.http.calls.empty());
}

TEST(Invoker, AStaleReadIsReadAgain) {
  Bench bench;
  bench.journal.read_takes = 10ms;
  bench.handler(echo);
  auto& row = bench.begin();
  bench.loop.run_for(5ms);
  // Told, but neither in that read nor after it in order: what a lagging read looks like.
  bench.invoker.stored(tests::caller_id(), 1, tests::frame_of("done:sleep:9", 6));
  row.replay.frames += tests::frame_of("done:sleep:9", 6);
  row.replay.entries = 2;
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.journal.reads, 2);
}

TEST(Invoker, UnreadableJournalsAreTriedAgain) {
  Bench bench;
  bench.journal.read_error = Error{Code::failed, "disk"};
  bench.handler(echo);
  auto& row = bench.begin();
  bench.loop.run_for(10s);
  EXPECT_EQ(bench.state().failures, 0U);  // not the handler's fault
  EXPECT_GT(bench.journal.reads, 2);
  bench.journal.read_error.reset();
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
}

TEST(Invoker, NoDeploymentIsWaitedFor) {
  Bench bench;
  bench.handler(echo);
  const wire::Schema known = std::exchange(bench.schemas.schema, {});
  auto& row = bench.begin();
  bench.loop.run_for(10s);
  EXPECT_EQ(bench.state().failures, 0U);
  bench.schemas.schema = known;
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
}

TEST(Invoker, RetriesCanBeHastened) {
  Bench bench;
  bench.handler([&](Served& served) {
    bench.http.calls.size() == 1 ? served.say({"error:500:boom:86400000"}) : echo(served);
  });
  auto& row = bench.begin();
  bench.loop.run_for(1s);
  EXPECT_EQ(bench.state().next_retry, bench.loop.clock.wall() + 86399s);
  EXPECT_TRUE(bench.invoker.retry_now(tests::caller_id()));
  EXPECT_FALSE(bench.invoker.retry_now(tests::caller_id()));
  bench.loop.run_for(1ms);
  EXPECT_EQ(row.status, "ended");
}

TEST(Invoker, SlotsAreBounded) {
  Options options;
  options.attempts_max = 3;
  Bench bench(options);
  std::size_t speaking = 0, most = 0;
  bench.handler([&](Served& served) {
    most = std::max(most, ++speaking);
    served.sleep(10ms);
    --speaking;
    served.say({"output:hi", "end"});
  });
  for (std::uint64_t n = 1; n <= 20; ++n) bench.begin("service", other(n));
  EXPECT_EQ(bench.invoker.in_flight(), 3U);
  EXPECT_EQ(bench.invoker.queued(), 17U);
  bench.loop.run_until_idle();
  EXPECT_EQ(most, 3U);
  EXPECT_EQ(bench.http.calls.size(), 20U);
  for (std::uint64_t n = 1; n <= 20; ++n)
    EXPECT_EQ(bench.journal.rows.at(other(n)).status, "ended");
}

TEST(Invoker, WaitersAreSuspendedForThoseTheyWaitFor) {
  // Two callers hold both slots and wait for a third: it must not wait for a minute.
  Options options;
  options.attempts_max = 2;
  Bench bench(options);
  bench.handler([&](Served& served) {
    if (served.request.target == "/invoke/Svc/echo") return echo(served);
    served.say({"sleep:1"});
    served.await_end();
    served.say({"suspend:1"});
  });
  bench.begin("object", other(1));
  bench.begin("object", other(2));
  bench.loop.run_for(100ms);
  auto& third = bench.begin("service", other(3));
  bench.loop.run_for(3s);
  EXPECT_EQ(third.status, "ended");
}

TEST(Invoker, BytesAreBounded) {
  Options options;
  options.bytes_max = 100'000;
  options.attempt_bytes = 40'000;
  Bench bench(options);
  bench.handler([](Served& served) {
    served.sleep(10ms);
    served.say({"output:hi", "end"});
  });
  for (std::uint64_t n = 1; n <= 6; ++n) bench.begin("service", other(n));
  EXPECT_EQ(bench.invoker.in_flight(), 2U);
  bench.loop.run_until_idle();
  EXPECT_EQ(bench.http.calls.size(), 6U);
  EXPECT_EQ(bench.invoker.bytes_held(), 0U);
}

TEST(Invoker, APartitionCanBeDropped) {
  Bench bench;
  bench.handler([](Served& served) { served.await_end(); });
  for (std::uint64_t n = 1; n <= 3; ++n) bench.begin("service", other(n));
  bench.journal.add(other(9), tests::target_of_type("service"));
  bench.invoker.start(PartitionId(7), other(9));
  bench.loop.run_for(1s);
  EXPECT_EQ(bench.invoker.list(PartitionId(0), std::nullopt, 10).size(), 3U);
  EXPECT_EQ(bench.invoker.list(PartitionId(0), other(1), 10).size(), 2U);
  bench.invoker.drop_partition(PartitionId(0));
  bench.invoker.check_invariants();
  EXPECT_TRUE(bench.invoker.list(PartitionId(0), std::nullopt, 10).empty());
  EXPECT_EQ(bench.invoker.in_flight(), 1U);
  bench.loop.run_for(1s);
  EXPECT_TRUE(bench.call(1).reset);
  EXPECT_FALSE(bench.call(4).reset);
}

TEST(Invoker, ARepeatedStartChangesNothing) {
  Bench bench;
  bench.handler(echo);
  auto& row = bench.begin();
  bench.invoker.start(PartitionId(0), tests::caller_id());
  bench.loop.run_until_idle();
  EXPECT_EQ(row.status, "ended");
  EXPECT_EQ(bench.http.calls.size(), 1U);
}

TEST(Invoker, IdleIsIdle) {
  Bench bench;
  bench.handler(echo);
  bench.begin();
  bench.loop.run_until_idle();
  bench.loop.run_for(1min);
  const std::uint64_t before = bench.loop.scheduler.steps();
  bench.loop.run_for(1h);
  EXPECT_LE(bench.loop.scheduler.steps() - before, 1U);
}

TEST(Invoker, ItCanBeShutDownAtAnyTime) {
  for (int step = 0; step < 20; ++step) {
    Bench bench;
    bench.journal.latency = 3ms;
    bench.journal.read_takes = 3ms;
    bench.handler([](Served& served) {
      served.say({"run:1"});
      served.sleep(3ms);
      served.say({"error:500:boom"});
    });
    for (std::uint64_t n = 1; n <= 5; ++n) bench.begin("service", other(n));
    bench.loop.run_for(std::chrono::milliseconds(step));
  }
}

}  // namespace
}  // namespace perdure::invoker
