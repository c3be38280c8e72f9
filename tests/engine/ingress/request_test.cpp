#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/ingress/route.h"
#include "engine/ingress/target_body.h"
#include "tests/engine/ingress/pretence.h"

namespace tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const wire::Invoke& last_invoke(const Bench& bench) {
  return std::get<wire::Invoke>(bench.partitions.last.commands.at(0).body);
}
bool has(const PretendExchange& exchange, const std::string& text) {
  return exchange.body.find(text) != std::string::npos;
}

TEST(request, carries_all_that_the_partition_must_know) {
  Bench bench;
  const auto exchange =
      bench.post("/O/k%201/echo?x=1", "input",
                 {{"idempotency-key", "i"}, {"traceparent", "00-1-2-01"}, {"x-a", "b"}});
  ASSERT_EQ(exchange.reply.status, 200) << exchange.body;
  const wire::Invoke& invoke = last_invoke(bench);
  EXPECT_EQ(invoke.target.text(), "O/k 1/echo");
  EXPECT_EQ(invoke.target.handler_type, wire::HandlerType::exclusive);
  EXPECT_EQ(invoke.input, "input");
  EXPECT_EQ(invoke.idempotency_key, "i");
  EXPECT_EQ(invoke.traceparent, "00-1-2-01");
  EXPECT_EQ(invoke.headers.at(0).value, "/O/k%201/echo?x=1");
  EXPECT_EQ(invoke.retention.completion, std::chrono::hours(24));
  EXPECT_NE(invoke.random_seed, 0u);
  EXPECT_FALSE(invoke.due);
  EXPECT_EQ(bench.partitions.last.at, WallTime{});  // the leader stamps it
}

TEST(request, results_are_kept_as_long_as_service_and_handler_say) {
  Bench bench;
  auto& w = bench.schemas.schema.services.back();
  w.options.workflow_completion_retention = seconds(100);
  w.options.journal_retention = seconds(300);
  bench.post("/W/a/run");
  EXPECT_EQ(last_invoke(bench).retention.completion, seconds(100));
  EXPECT_EQ(last_invoke(bench).retention.journal, seconds(100));  // never longer than the result
  bench.post("/W/a/status");  // no key, so nobody can ask for its result: as long as its journal
  EXPECT_EQ(last_invoke(bench).retention.completion, seconds(300));
  EXPECT_FALSE(last_invoke(bench).idempotency_key);
}

TEST(request, a_plain_call_is_named_by_a_drawn_key) {
  Bench bench;
  bench.post("/G/echo");
  const wire::Invoke first = last_invoke(bench);
  ASSERT_TRUE(first.idempotency_key);
  EXPECT_EQ(first.idempotency_key->size(), 26u);  // an ULID
  bench.post("/G/echo");
  EXPECT_NE(last_invoke(bench).id, first.id);
}

TEST(request, a_delay_is_counted_from_now) {
  Bench bench;
  const WallTime before = bench.loop.clock.wall();
  EXPECT_EQ(bench.post("/G/echo/send?delay=1h+30m").reply.status, 202);
  EXPECT_EQ(last_invoke(bench).due, before + std::chrono::minutes(90));
  EXPECT_TRUE(has(bench.post("/G/echo/send?delay=7000000d"), "year 9999"));
}

// The name is fixed before the first try, so the same record may be submitted again; and
// what an earlier try began is still this caller's own.
TEST(request, submits_the_same_record_until_it_is_taken) {
  Bench bench;
  bench.partitions.errors = {Code::retry_elsewhere, Code::failed, Code::timed_out};
  EXPECT_EQ(bench.post("/G/echo").reply.status, 200);
  EXPECT_EQ(bench.partitions.submissions, 4);
}

TEST(request, a_lost_reply_is_not_a_second_caller) {
  Bench bench;
  bench.partitions.errors = {Code::failed};
  bench.partitions.lost_replies = true;
  EXPECT_EQ(bench.post("/W/w/run").reply.status, 200);
  EXPECT_EQ(bench.post("/W/w/run").reply.status, 409);
  bench.partitions.errors = {Code::failed};
  EXPECT_TRUE(has(bench.post("/G/echo/send", "1", {{"idempotency-key", "x"}}), "\"Accepted\""));
}

TEST(request, does_not_wait_long_for_room_on_a_disk) {
  Bench bench;
  bench.partitions.errors = std::deque<Code>(10'000, Code::full);
  const Instant begun = bench.loop.clock.steady();
  const auto exchange = bench.post("/G/echo");
  EXPECT_EQ(exchange.reply.status, 503);
  EXPECT_TRUE(has(exchange, "disk is full")) << exchange.body;
  EXPECT_TRUE(has(exchange, "safe to retry")) << exchange.body;
  EXPECT_LE(bench.loop.clock.steady(), begun + seconds(6));
}

TEST(request, gives_up_and_says_whether_it_is_safe_to_retry) {
  Bench bench;
  bench.options.give_up_after = seconds(2);
  bench.partitions.errors = std::deque<Code>(1000, Code::retry_later);
  auto exchange = bench.post("/G/echo");
  EXPECT_EQ(exchange.reply.status, 503);
  EXPECT_TRUE(has(exchange, "safe to retry")) << exchange.body;
  bench.partitions.errors.back() = Code::retry_later;
  bench.partitions.errors.insert(bench.partitions.errors.begin(), Code::timed_out);
  exchange = bench.post("/G/echo");
  EXPECT_EQ(exchange.reply.status, 503);
  EXPECT_TRUE(has(exchange, "may have been accepted")) << exchange.body;
  EXPECT_LE(bench.loop.clock.steady(), Instant() + std::chrono::hours(1) + seconds(5));
}

TEST(request, waits_for_a_result_as_long_as_it_takes) {
  Bench bench;
  PretendExchange exchange(
      {.method = "POST", .target = "/G/slow", .headers = {{"content-type", "application/json"}}});
  auto ingress = bench.ingress();
  bench.partitions.ending = Code::retry_later;
  bench.loop.scheduler.spawn_root("call", [&] { ingress.serve(exchange); });
  bench.loop.run_for(std::chrono::hours(2));
  EXPECT_FALSE(exchange.answered);
  EXPECT_EQ(ingress.requests(), 1u);
  bench.partitions.end(last_invoke(bench).id, "done");
  bench.loop.run_for(seconds(5));
  EXPECT_TRUE(exchange.answered);
  EXPECT_EQ(exchange.body, "done");
  EXPECT_EQ(ingress.requests(), 0u);
}

// The client is gone: nobody is answered, and the invocation goes on.
TEST(request, stops_waiting_when_the_client_goes_away) {
  Bench bench;
  bench.partitions.ending = Code::cancelled;
  const auto exchange = bench.post("/G/slow");
  EXPECT_FALSE(exchange.answered);
  EXPECT_EQ(bench.partitions.submissions, 1);
}

TEST(request, a_result_that_was_not_kept_is_said_to_be_gone) {
  Bench bench;
  EXPECT_EQ(
      bench.serve({.method = "GET", .target = "/restate/output/" + wire::InvocationId{}.text()})
          .reply.status,
      404);
}

TEST(request, the_body_comes_in_pieces_and_is_bounded) {
  Bench bench;
  bench.options.body_bytes_max = 5;
  const io::Request request{
      .method = "POST", .target = "/G/echo", .headers = {{"content-type", "application/json"}}};
  EXPECT_EQ(bench.serve(request, {"ab", "cd"}).body, "abcd");
  const auto large = bench.serve(request, {"abc", "def"});
  EXPECT_EQ(large.reply.status, 413);
  EXPECT_TRUE(has(large, "\"code\":413"));
  EXPECT_FALSE(bench.serve(request, {"ab", fail(Code::failed, "reset")}).answered);
  EXPECT_EQ(bench.serve(request, {fail(Code::timed_out, "slow")}).reply.status, 500);
}

TEST(request, looks_again_for_the_handler_after_reading_the_body) {
  struct Vanishing : PretendExchange {
    Vanishing(io::Request request, PretendSchemas& schemas)
        : PretendExchange(std::move(request), {"x"}), schemas_(schemas) {}
    Result<std::string> read(Instant deadline) override {
      schemas_.schema.services.clear();
      return PretendExchange::read(deadline);
    }
    PretendSchemas& schemas_;
  };
  Bench bench;
  Vanishing exchange(
      {.method = "POST", .target = "/G/echo", .headers = {{"content-type", "application/json"}}},
      bench.schemas);
  auto ingress = bench.ingress();
  ASSERT_TRUE(bench.loop.run([&] { ingress.serve(exchange); }));
  EXPECT_EQ(exchange.reply.status, 404);
  EXPECT_EQ(bench.partitions.submissions, 0);
}

TEST(request, too_many_at_once_are_turned_away) {
  Bench bench;
  bench.options.requests_max = 0;
  const auto exchange = bench.post("/G/echo");
  EXPECT_EQ(exchange.reply.status, 429);
  EXPECT_EQ(*io::find_header(exchange.reply.headers, "x-restate-error-source"), "ingress");
}

TEST(request, an_awakeable_is_a_signal_with_a_request_id) {
  Bench bench;
  const wire::AwakeableId id{.invocation = {.partition_key = 5, .uuid = {.high = 1, .low = 2}},
                             .signal = 17};
  bench.partitions.errors = {Code::timed_out};
  EXPECT_EQ(bench.post("/restate/awakeables/" + id.text() + "/resolve", "v").reply.status, 202);
  EXPECT_EQ(bench.partitions.submissions, 2);
  EXPECT_TRUE(std::holds_alternative<wire::RequestProducer>(bench.partitions.last.producer));
  auto signal = std::get<wire::Signal>(bench.partitions.last.commands.at(0).body);
  EXPECT_EQ(std::get<wire::Value>(signal.result).content, "v");
  bench.post("/restate/a/" + id.text() + "/reject", "no\xFF");
  signal = std::get<wire::Signal>(bench.partitions.last.commands.at(0).body);
  EXPECT_EQ(std::get<wire::Failure>(signal.result).message, "no\xEF\xBF\xBD");
  EXPECT_EQ(std::get<wire::Failure>(signal.result).code, 500u);
}

TEST(request, a_request_goes_by_the_time_of_its_partition) {
  Bench bench;
  const wire::AwakeableId id{.invocation = {.partition_key = 5, .uuid = {.high = 1, .low = 2}},
                             .signal = 17};
  bench.partitions.not_before = WallTime(std::chrono::years(100));
  EXPECT_EQ(bench.post("/restate/awakeables/" + id.text() + "/resolve", "v").reply.status, 202);
  EXPECT_EQ(bench.partitions.submissions, 2);
  const auto& request = std::get<wire::RequestProducer>(bench.partitions.last.producer);
  EXPECT_EQ(request.first_attempt, bench.partitions.not_before);
}

// It may be there already, under the id that is too old now: another one would double it.
TEST(request, a_request_of_unknown_outcome_is_not_renamed) {
  Bench bench;
  const wire::AwakeableId id{.invocation = {.partition_key = 5, .uuid = {.high = 1, .low = 2}},
                             .signal = 17};
  bench.partitions.not_before = WallTime(std::chrono::years(100));
  bench.partitions.errors = {Code::timed_out};
  EXPECT_EQ(bench.post("/restate/awakeables/" + id.text() + "/resolve", "v").reply.status, 503);
  EXPECT_EQ(bench.partitions.submissions, 2);
}

// A forged id may not reach the system's own signals, such as cancel.
TEST(request, an_awakeable_is_no_way_to_the_systems_signals) {
  Bench bench;
  const wire::AwakeableId cancel{.signal = wire::cancel_signal};
  EXPECT_EQ(bench.post("/restate/a/" + cancel.text() + "/resolve").reply.status, 202);
  EXPECT_EQ(bench.partitions.submissions, 0);
}

TEST(request, many_headers_cost_no_more_than_their_number) {
  Bench bench;
  io::Headers headers;
  for (int i = 0; i < 5000; ++i)
    headers.push_back({"x-" + std::to_string(i % 3000), std::to_string(i)});
  EXPECT_EQ(bench.post("/G/echo", "1", std::move(headers)).reply.status, 200);
  EXPECT_EQ(last_invoke(bench).headers.size(), 3002u);
}

// What strangers send: any path, any body, an answer.
RC_GTEST_PROP(route, survives_any_path, ()) {
  static const wire::Schema schema = schema_of_tests();
  const auto words = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
      rc::gen::element<std::string>("restate", "G", "O", "W", "echo", "run", "send", "call",
                                    "scope", "attach", "output", "invocation", "workflow",
                                    "awakeables", "lookup", "%", "%f", "%ff", ""),
      rc::gen::arbitrary<std::string>()));
  std::string target;
  for (const std::string& word : words) target += "/" + word;
  const auto split = ingress::split_target(target);
  (void)ingress::route_of(*rc::gen::element<std::string>("GET", "POST", "PUT"), split.path, schema);
  if (split.query) (void)ingress::query_parameter(*split.query, "delay");
  (void)ingress::target_of_body(target, "invalid body");
}

}  // namespace
}  // namespace tests
