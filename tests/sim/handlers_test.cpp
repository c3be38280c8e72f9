// Handlers against a server of a few lines, which keeps a journal as the real one does:
// frames in the order in which they were stored, replayed whole to each attempt.
#include "sim/handlers/deployment.h"

#include <gtest/gtest.h>

#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/wire/ids.h"
#include "sim/check/observers.h"
#include "sim/handlers/plain.h"
#include "sim/world/guests.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::MessageType;

class TinyServer {
 public:
  TinyServer(io::World& world, std::string handler, std::string input, std::uint32_t version)
      : world_(world), handler_(std::move(handler)), version_(version) {
    wire::InputCommand command;
    command.value.content = std::move(input);
    store(MessageType::input_command, wire::encode(command));
  }

  // Attempts until it has ended.
  std::string invoke() {
    while (!output_) {
      ++attempts;
      if (const auto ended = attempt(); !ended) last_error += ended.error().detail + "; ";
      (void)world_.fibers.sleep_until(world_.fibers.now() + milliseconds(20));
    }
    return *output_;
  }
  int attempts = 0;
  std::string last_error;

 private:
  void store(MessageType type, std::string_view payload) {
    wire::put_frame(journal_, type, payload);
    ++entries_;
  }

  Result<void> attempt() {
    const Instant deadline = world_.fibers.now() + seconds(60);
    TRY(call,
        world_.http.call({.scheme = "http", .authority = "handlers:9080"},
                         {.method = "POST",
                          .target = "/invoke/" + handler_,
                          .headers = {{"content-type", "application/vnd.restate.invocation.v" +
                                                           std::to_string(version_)}}},
                         deadline));
    wire::StartMessage start = {
        .id = wire::InvocationId{.partition_key = 1, .uuid = {2, 3}}.bytes(),
        .debug_id = "inv_x",
        .known_entries = entries_,
        .partial_state = true};
    std::string opening;
    wire::put_message(opening, MessageType::start, start);
    opening += journal_;
    TRY_VOID(call->write(opening, deadline));
    TRY(response, call->response(deadline));
    if (response.status != 200) return fail(Code::failed, "status");
    std::string received;
    while (true) {
      TRY(some, call->read(deadline));
      if (some.empty()) return {};
      received += some;
      std::string_view rest = received;
      while (const auto frame = wire::next_frame(rest)) {
        std::string back;
        const bool goes_on = handle(*frame, back);
        if (!back.empty()) TRY_VOID(call->write(back, deadline));
        if (!goes_on) {
          call->finish();
          return {};
        }
      }
      received.erase(0, received.size() - rest.size());
    }
  }

  void complete(std::string& back, MessageType type, std::uint32_t id,
                wire::NotificationResult result) {
    const std::string payload =
        wire::encode(wire::Notification::of_completion(id, std::move(result)));
    store(type, payload);
    wire::put_frame(back, type, payload);
  }

  // False: a terminal message.
  bool handle(wire::FrameView frame, std::string& back) {
    const MessageType type = frame.header.type;
    if (wire::is_command(type)) store(type, frame.payload);
    if (type == MessageType::propose_run_completion) {
      const auto proposal = wire::decode<wire::ProposeRunCompletionMessage>(frame.payload);
      complete(back, MessageType::run_completion, proposal->result_completion_id,
               wire::Value{std::get<1>(proposal->result)});
    } else if (type == MessageType::get_lazy_state_command) {
      const auto get = wire::decode<wire::GetLazyStateCommand>(frame.payload);
      const auto found = state_.find(get->key);
      if (found == state_.end()) {
        complete(back, MessageType::get_lazy_state_completion, get->result_completion_id,
                 wire::Void());
      } else {
        complete(back, MessageType::get_lazy_state_completion, get->result_completion_id,
                 wire::Value{found->second});
      }
    } else if (type == MessageType::set_state_command) {
      const auto set = wire::decode<wire::SetStateCommand>(frame.payload);
      state_[set->key] = set->value.content;
    } else if (type == MessageType::sleep_command) {
      const auto sleep = wire::decode<wire::SleepCommand>(frame.payload);
      complete(back, MessageType::sleep_completion, sleep->result_completion_id, wire::Void());
    } else if (type == MessageType::output_command) {
      const auto output = wire::decode<wire::OutputCommand>(frame.payload);
      pending_output_ = std::get<wire::Value>(output->result).content;
    } else if (type == MessageType::end) {
      output_ = pending_output_;
      return false;
    }
    return type != MessageType::suspension && type != MessageType::error &&
           type != MessageType::command_ack;
  }

  io::World& world_;
  const std::string handler_;
  const std::uint32_t version_;
  std::string journal_;
  std::uint32_t entries_ = 0;
  std::map<std::string, std::string> state_;
  std::string pending_output_;
  std::optional<std::string> output_;
};

struct Ran {
  std::string output;
  int attempts = 0;
  std::string errors;
};

using Deploy = Factory (*)(const DeploymentOptions&, HandlerWatch&);

Ran invoke(std::uint64_t seed, std::string handler, std::string input, std::uint32_t version,
           Mischief mischief, bool framed, Deploy deploy = deployment) {
  Universe universe({.seed = seed, .http_over_streams = framed});
  Journals journals([&](Finding finding) { universe.loop.report(std::move(finding)); });
  universe.add_host({.name = "handlers", .helper = true})
      .start(deploy({.address = "0.0.0.0:9080", .mischief = mischief}, journals));
  std::optional<Ran> ran;
  universe.add_host({.name = "server"}).start(on_shard_0([&](io::World& world) {
    (void)world.fibers.sleep_until(world.fibers.now() + milliseconds(10));
    TinyServer server(world, handler, input, version);
    const std::string output = server.invoke();
    ran = Ran{.output = output, .attempts = server.attempts, .errors = server.last_error};
  }));
  EXPECT_TRUE(universe.run_until(600 * second, [&] { return ran.has_value(); }))
      << handler << " seed " << seed << "\n"
      << (universe.loop.finding()
              ? universe.loop.finding()->check + " " + universe.loop.finding()->detail
              : universe.waiting());
  return ran.value_or(Ran());
}

constexpr Mischief bad = {
    .vanish = 0.1, .error = 0.1, .nonsense = 0.05, .slow = 0.2, .suspend = 0.3};

// In how many attempts.
int answer_all(Deploy deploy) {
  int attempts = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    for (const std::uint32_t version : {5u, 6u, 7u}) {
      const bool framed = seed % 4 == 0;
      const auto output = [&](std::string handler, std::string input) {
        const Ran ran =
            invoke(seed, std::move(handler), std::move(input), version, bad, framed, deploy);
        attempts += ran.attempts;
        return ran.output;
      };
      EXPECT_EQ(output("Echo/echo", "hello"), "hello");
      EXPECT_EQ(output("Counter/add", "x"), "1");
      EXPECT_EQ(output("List/append", "x"), "1");
      EXPECT_EQ(output("Sleeper/nap", "5 tok"), "tok");
    }
  }
  return attempts;
}

TEST(Handlers, AnswerAfterAnyMischief) { EXPECT_GT(answer_all(deployment), 600); }
TEST(Handlers, InPlainWordsDoSoToo) { EXPECT_GT(answer_all(plain_deployment), 600); }

TEST(Handlers, NeedOneAttemptOnAGoodDay) {
  for (const bool framed : {false, true}) {
    for (const Deploy deploy : {Deploy(deployment), Deploy(plain_deployment)}) {
      const Ran ran = invoke(1, "Echo/echo", "hello", 6, {}, framed, deploy);
      EXPECT_EQ(ran.attempts, 1) << ran.errors;
    }
  }
}

TEST(Handlers, AreFoundByDiscovery) {
  const std::string json = manifest();
  for (const char* part : {R"("name":"Counter","ty":"VIRTUAL_OBJECT")",
                           R"("name":"get","ty":"SHARED")", R"("protocolMode":"BIDI_STREAM")"}) {
    EXPECT_NE(json.find(part), std::string::npos) << json;
  }
}

}  // namespace
}  // namespace perdure::sim
