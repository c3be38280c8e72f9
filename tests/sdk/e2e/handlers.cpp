// A process of its own: everything a handler can do, as services under test.
//     handlers ADDRESS MARKS_FILE [request-response]
// MARKS_FILE gets one line for each time a side effect really ran.
#include <fstream>
#include <thread>

#include "sdk/serve/serve.h"

namespace sdk = perdure::sdk;
using namespace std::chrono_literals;

namespace {

std::string marks_file;
void mark(const std::string& what) {
  std::ofstream(marks_file, std::ios::app) << what << std::endl;
}

int failures_left = 3;

sdk::PlainService greeter() {
  return sdk::service("Greeter")
      .handler("greet",
               [](sdk::Context&, const std::string& name) { return "Hello " + name + "!"; })
      .handler("header", [](sdk::Context& ctx,
                            const std::string& name) { return ctx.header(name).value_or("none"); })
      .handler("steps",
               [](sdk::Context& ctx, const std::string& tag) {
                 const int one = ctx.run("one", [&] { return mark(tag + " one"), 1; });
                 const int two = ctx.run("two", [&] { return mark(tag + " two"), 2; });
                 return one + two;
               })
      // Between its steps it lies down long enough to be killed there.
      .handler("slow_steps",
               [](sdk::Context& ctx, const std::string& tag) {
                 ctx.run("before", [&] { mark(tag + " before"); });
                 ctx.sleep(1500ms);
                 ctx.run("after", [&] { mark(tag + " after"); });
                 return "done";
               })
      // Blocks its thread, and nobody else.
      .handler("blocks",
               [](sdk::Context& ctx, int milliseconds) {
                 ctx.run("block",
                         [&] {
                           const timespec span = {.tv_sec = milliseconds / 1000,
                                                  .tv_nsec = milliseconds % 1000 * 1'000'000L};
                           ::nanosleep(&span, nullptr);
                         },
                         {.blocks = true});
                 return milliseconds;
               })
      .handler("teapot",
               [](sdk::Context&) -> int { throw sdk::TerminalError("I am a teapot", 418); })
      .handler("flaky",
               [](sdk::Context&) {
                 if (failures_left-- > 0) throw std::runtime_error("not yet");
                 return "at last";
               })
      .handler("gives_up",
               [](sdk::Context& ctx) -> std::string {
                 try {
                   ctx.run("pay", [] { throw std::runtime_error("refused"); },
                           {.attempts_max = 3, .delay = 20ms});
                 } catch (const sdk::TerminalError& error) {
                   return error.what();
                 }
                 return "paid";
               })
      .handler("draws", [](sdk::Context& ctx) {
        const std::string before = ctx.draws().uuid();
        ctx.sleep(10ms);
        return before;
      });
}

sdk::PlainService caller() {
  return sdk::service("Caller")
      .handler("add",
               [](sdk::Context& ctx, const std::string& key) {
                 return ctx.object("Counter", key).call<std::int64_t>("add", 5).await();
               })
      .handler("send",
               [](sdk::Context& ctx, const std::string& key) {
                 ctx.object("Counter", key).send("add", 7);
                 return ctx.object("Counter", key).send("add", 1, {.delay = 300ms}).id();
               })
      .handler("twice",
               [](sdk::Context& ctx, const std::string& tag) {
                 const auto once = [&] {
                   return ctx.service("Greeter").call<int>("steps", tag, {.idempotency_key = tag});
                 };
                 return once().await() + once().await();
               })
      .handler("fails_below",
               [](sdk::Context& ctx) -> std::string {
                 try {
                   ctx.service("Greeter").call<int>("teapot").await();
                 } catch (const sdk::TerminalError& error) {
                   return std::to_string(error.code()) + " " + error.what();
                 }
                 return "fine";
               })
      .handler("combine",
               [](sdk::Context& ctx) {
                 const auto slow = ctx.timer(60s);
                 const auto fast = ctx.timer(20ms);
                 std::string out = sdk::select(slow, fast) == 1 ? "fast" : "slow";
                 const auto greet = [&](const char* whom) {
                   return ctx.service("Greeter").call<std::string>("greet", whom);
                 };
                 const auto [a, b] = sdk::all(greet("a"), greet("b")).await();
                 const auto bad = ctx.service("Greeter").call<std::string>("teapot");
                 return out + " " + a + b + sdk::any(bad, greet("c")).await();
               })
      .handler("times_out",
               [](sdk::Context& ctx) {
                 return ctx.awakeable<std::string>().await_for(50ms).value_or("timed out");
               })
      .handler("awaits",
               [](sdk::Context& ctx, const std::string& holder) {
                 const auto awakeable = ctx.awakeable<std::string>();
                 ctx.object("Counter", holder).call<void>("hold", awakeable.id()).await();
                 return awakeable.await();
               })
      .handler("waits_long",
               [](sdk::Context& ctx, const std::string& tag) -> std::string {
                 try {
                   ctx.service("Caller").call<void>("sleeps", tag).await();
                 } catch (const sdk::Cancelled&) {
                   ctx.run("clean", [&] { mark(tag + " cleaned"); });
                   throw;
                 }
                 return "slept";
               })
      .handler("sleeps",
               [](sdk::Context& ctx, const std::string& tag) {
                 try {
                   ctx.sleep(10min);
                 } catch (const sdk::Cancelled&) {
                   ctx.run("clean", [&] { mark(tag + " callee cleaned"); });
                   throw;
                 }
               })
      .handler("attaches", [](sdk::Context& ctx, const std::string& id) {
        return ctx.invocation(id).attach<std::string>().await();
      });
}

sdk::Object counter() {
  return sdk::object("Counter")
      .exclusive("add",
                 [](sdk::ObjectContext& ctx, std::int64_t by) {
                   const auto count = ctx.get<std::int64_t>("count").value_or(0) + by;
                   ctx.set("count", count);
                   return count;
                 })
      .shared(
          "get",
          [](sdk::SharedObjectContext& ctx) { return ctx.get<std::int64_t>("count").value_or(0); })
      .shared("keys", [](sdk::SharedObjectContext& ctx) { return ctx.state_keys(); })
      .exclusive("reset", [](sdk::ObjectContext& ctx) { ctx.clear_all(); })
      .exclusive("hold",
                 [](sdk::ObjectContext& ctx, const std::string& id) { ctx.set("held", id); })
      .exclusive("resolve_held",
                 [](sdk::ObjectContext& ctx, const std::string& value) {
                   ctx.resolve_awakeable(ctx.get<std::string>("held").value_or(""), value);
                 })
      .exclusive("slow_append",
                 [](sdk::ObjectContext& ctx, int item) {
                   auto list = ctx.get<std::vector<int>>("list").value_or(std::vector<int>());
                   ctx.sleep(5ms);
                   list.push_back(item);
                   ctx.set("list", list);
                   return list.size();
                 })
      .shared("list", [](sdk::SharedObjectContext& ctx) {
        return ctx.get<std::vector<int>>("list").value_or(std::vector<int>());
      });
}

sdk::Workflow signup() {
  return sdk::workflow("Signup")
      .run("run",
           [](sdk::WorkflowContext& ctx, const std::string& user) {
             ctx.set("user", user);
             ctx.run("mail", [&] { mark("mail " + user); });
             const auto secret = ctx.promise<std::string>("clicked").await();
             return user + " clicked " + secret;
           })
      .shared("click",
              [](sdk::SharedWorkflowContext& ctx, const std::string& secret) {
                ctx.promise<std::string>("clicked").resolve(secret);
              })
      .shared("peek", [](sdk::SharedWorkflowContext& ctx) {
        return ctx.promise<std::string>("clicked").peek().value_or("nothing");
      });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  marks_file = argv[2];
  sdk::ServeOptions options{.address = argv[1]};
  if (argc > 3) options.endpoint.mode = sdk::Mode::request_response;
  return sdk::serve({greeter(), caller(), counter(), signup()}, options);
}
