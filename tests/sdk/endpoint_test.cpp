// Handlers written as users write them, against a server of a few lines that keeps a
// journal as the real one does.
#include "sdk/endpoint.h"

#include <gtest/gtest.h>

#include "engine/io/fibers.h"
#include "host/manual_loop.h"
#include "tests/sdk/tiny_server.h"
#include "tests/support/silent_trace.h"

namespace perdure::sdk {
namespace {

using namespace std::chrono_literals;
using tests::Habits;
using tests::Served;
using tests::TinyServer;

struct Order {
  std::string item;
  int count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, item, count)

class Sdk : public ::testing::Test {
 protected:
  // Attempts until it ends; `unless` says how the server misbehaves.
  Served serve(Service service, std::string_view handler, std::string_view input,
               Habits habits = {}) {
    const Endpoint endpoint({std::move(service)}, {},
                            {.clock = loop_.clock, .fibers = loop_.fibers, .trace = trace_});
    TinyServer server(endpoint, habits);
    Served served;
    EXPECT_TRUE(loop_.run([&] { served = server.invoke("Svc", handler, input); }));
    return served;
  }
  Served serve_plain(auto function, std::string_view input, Habits habits = {}) {
    return serve(service("Svc").handler("h", std::move(function)), "h", input, habits);
  }

  host::ManualLoop loop_;
  tests::SilentTrace trace_;
};

TEST_F(Sdk, ReadsAndWritesJson) {
  const auto double_it = [](Context&, const Order& order) {
    return Order{.item = order.item + "s", .count = order.count * 2};
  };
  EXPECT_EQ(serve_plain(double_it, R"({"item":"pear","count":2})").text,
            R"({"count":4,"item":"pears"})");
  const Served bad = serve_plain(double_it, "[1");
  EXPECT_EQ(bad.failed, 400u);
  EXPECT_EQ(bad.attempts, 1);
}

TEST_F(Sdk, RunsAreExecutedOnceWhateverTheServerForgets) {
  int executed = 0;
  const auto steps = [&](Context& ctx) {
    const int one = ctx.run("one", [&] { return ++executed; });
    ctx.sleep(1h);
    const int two = ctx.run("two", [&] { return ++executed; });
    return one * 10 + two;
  };
  for (const bool bidirectional : {true, false}) {
    for (const std::uint32_t version : {5u, 6u, 7u}) {
      executed = 0;
      const Served served =
          serve_plain(steps, "", {.version = version, .bidirectional = bidirectional});
      EXPECT_EQ(served.text, "12") << served.errors;
      EXPECT_EQ(executed, 2);
      EXPECT_EQ(served.attempts, bidirectional ? 1 : 4);
    }
  }
}

TEST_F(Sdk, FailuresAreTerminalOrTriedAgain) {
  int left = 3;
  const auto flaky = [&](Context& ctx) -> std::string {
    const auto tried = ctx.run("try", [&]() -> std::string {
      if (left-- > 0) throw std::runtime_error("not yet");
      return "at last";
    });
    throw TerminalError(tried, 418);
  };
  const Served served = serve_plain(flaky, "");
  EXPECT_EQ(served.failed, 418u);
  EXPECT_EQ(served.text, "at last");
  EXPECT_EQ(served.attempts, 4);
  EXPECT_NE(served.errors.find("run 'try': not yet"), std::string::npos) << served.errors;
}

TEST_F(Sdk, RunsGiveUpAfterTheirAttempts) {
  int tried = 0;
  const auto hopeless = [&](Context& ctx) -> std::string {
    try {
      ctx.run("pay", [&] { throw std::runtime_error("refused " + std::to_string(++tried)); },
              {.attempts_max = 3});
    } catch (const TerminalError& error) {
      return error.what();
    }
    return "paid";
  };
  EXPECT_EQ(serve_plain(hopeless, "").text, R"("run 'pay': refused 3")");
  EXPECT_EQ(tried, 3);
}

TEST_F(Sdk, StateIsOfTheObject) {
  const auto handler = [](ObjectContext& ctx, int by) {
    const int before = ctx.get<int>("n").value_or(10);
    ctx.set("n", before + by);
    ctx.set("name", "x");
    std::string keys;
    for (const std::string& key : ctx.state_keys()) keys += key + " ";
    ctx.clear("name");
    return keys + ctx.key() + " " + std::to_string(ctx.get<int>("n").value_or(0)) +
           (ctx.get<std::string>("name") ? " left" : " gone");
  };
  for (const bool lazy : {false, true}) {
    const Served served =
        serve(object("Svc").exclusive("h", handler), "h", "5", {.lazy_state = lazy});
    EXPECT_EQ(served.text, R"("n name k 15 gone")") << served.errors;
  }
}

TEST_F(Sdk, FuturesCombine) {
  const auto handler = [](Context& ctx) {
    auto slow = ctx.timer(2h);
    auto quick = ctx.timer(1s);
    std::string out = select(slow, quick) == 1 ? "quick" : "slow";
    auto one = ctx.service("Other").call<std::string>("echo", "one");
    auto two = ctx.service("Other").call<std::string>("echo", "two");
    auto bad = ctx.service("Other").call<std::string>("fail", "no");
    const auto [first, second] = all(one, two).await();
    out += " " + first + second;
    out += " " + any(bad, one).await();
    const auto both = all(std::vector{one, two}).await();
    out += " " + both[1];
    try {
      all(one, bad).await();
    } catch (const TerminalError& error) {
      out += " " + std::to_string(error.code());
    }
    auto never = ctx.awakeable<int>();
    out += never.await_for(10s) ? " woken" : " timed out";
    return out;
  };
  for (const bool bidirectional : {true, false}) {
    const Served served = serve_plain(handler, "", {.bidirectional = bidirectional});
    EXPECT_EQ(served.text, R"("quick onetwo one two 500 timed out")") << served.errors;
  }
}

TEST_F(Sdk, ACancelIsAnErrorAtTheWait) {
  const auto handler = [](Context& ctx) -> std::string {
    auto call = ctx.service("Other").call<std::string>("never", "x");
    try {
      call.await();
    } catch (const Cancelled&) {
      ctx.sleep(1s);  // cleans up
      return "cleaned";
    }
    return "not cancelled";
  };
  for (const bool bidirectional : {true, false}) {
    const Served served =
        serve_plain(handler, "", {.bidirectional = bidirectional, .cancel_after = 2});
    EXPECT_EQ(served.text, R"("cleaned")") << served.errors;
    EXPECT_EQ(served.cancelled, std::vector<std::string>{"inv_called_1"});
  }
}

TEST_F(Sdk, DrawsAreTheSameInEveryAttempt) {
  std::vector<std::string> seen;
  const auto handler = [&](Context& ctx) {
    const std::string drawn = ctx.draws().uuid() + " " + std::to_string(ctx.draws().below(1000));
    seen.push_back(drawn);
    ctx.sleep(1s);
    return drawn;
  };
  const Served served = serve_plain(handler, "", {.bidirectional = false});
  ASSERT_EQ(seen.size(), 2u) << served.errors;
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0][14], '4') << seen[0];
}

TEST_F(Sdk, AnotherHandlerThanBeforeIsAMismatch) {
  int attempt = 0;
  const auto handler = [&](Context& ctx) -> std::string {
    if (++attempt == 1) ctx.sleep(1s);
    ctx.service("Other").send("echo", "x");
    return "done";
  };
  const Served served = serve_plain(handler, "", {.bidirectional = false, .attempts_max = 2});
  EXPECT_NE(served.errors.find("570 journal mismatch at command 1: the journal has SleepCommand"),
            std::string::npos)
      << served.errors;
  EXPECT_NE(served.errors.find("OneWayCallCommand {service_name: 'Other'"), std::string::npos)
      << served.errors;
}

TEST_F(Sdk, WhoIsNotHeardAnyMoreIsUnwound) {
  bool unwound = false;
  const auto handler = [&](Context& ctx) {
    struct Mark {
      bool& unwound;
      ~Mark() { unwound = true; }
    } mark{unwound};
    ctx.awakeable<int>().await();
  };
  const Served served = serve_plain(handler, "", {.breaks_after = 1, .attempts_max = 1});
  EXPECT_TRUE(unwound) << served.errors;
}

TEST_F(Sdk, IsDiscovered) {
  const std::vector<Service> services = {
      object("Counter")
          .exclusive("add", [](ObjectContext&, int by) { return by; })
          .shared("raw", [](SharedObjectContext&, const Bytes& bytes) { return bytes; })
          .with({.inactivity_timeout = 5s}),
      workflow("Signup").run("run", [](WorkflowContext&) {}, {.workflow_retention = 24h})};
  EXPECT_EQ(
      manifest(services, Mode::bidirectional, 3),
      R"({"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,"services":[)"
      R"({"name":"Counter","ty":"VIRTUAL_OBJECT","handlers":[)"
      R"({"name":"add","ty":"EXCLUSIVE","input":{"required":true,"contentType":"application/json"},)"
      R"("output":{"setContentTypeIfEmpty":false,"contentType":"application/json"}},)"
      R"({"name":"raw","ty":"SHARED","input":{"required":false,"contentType":"*/*"},)"
      R"("output":{"setContentTypeIfEmpty":false,"contentType":"application/octet-stream"}}],)"
      R"("inactivityTimeout":5000},)"
      R"({"name":"Signup","ty":"WORKFLOW","handlers":[{"name":"run","ty":"WORKFLOW","input":{},)"
      R"("output":{"setContentTypeIfEmpty":false},"workflowCompletionRetention":86400000}]}]})");
  EXPECT_EQ(manifest(services, Mode::request_response, 1).find("inactivityTimeout"),
            std::string::npos);
}

}  // namespace
}  // namespace perdure::sdk
