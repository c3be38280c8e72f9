// Questions and messages between two simulated nodes, and what becomes of them when the
// connection is lost.
#include "engine/node/rpc.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "engine/io/clock.h"
#include "sim/network/network.h"
#include "sim/world/guests.h"
#include "sim/world/universe.h"

namespace perdure::node {
namespace {

using namespace std::chrono_literals;
using sim::millisecond;
using sim::second;

constexpr io::ShardAddress node_1 = {.node = NodeId(1)};
constexpr io::ShardAddress node_2 = {.node = NodeId(2)};

// A guest with an Rpc, and what the test lets it do.
class Speaker final : public sim::Guest {
 public:
  using Body = std::function<void(io::World&, Rpc&)>;
  Speaker(const io::World& world, Body prepare, Body body)
      : world_(world), rpc_(world_), body_(std::move(body)) {
    prepare(world_, rpc_);
  }
  void run(std::uint32_t) override {
    if (body_) body_(world_, rpc_);
  }

 private:
  io::World world_;
  Rpc rpc_;
  const Body body_;
};

class RpcBetweenNodes : public testing::Test {
 protected:
  RpcBetweenNodes()
      : one_(universe_.add_host({.name = "n1"})), two_(universe_.add_host({.name = "n2"})) {}

  void start(sim::Host& host, Speaker::Body prepare, Speaker::Body body = {}) {
    host.start(
        [prepare = std::move(prepare), body = std::move(body)](std::span<const io::World> worlds) {
          return std::make_unique<Speaker>(worlds[0], prepare, body);
        });
  }
  static void nothing(io::World&, Rpc&) {}

  // Answers "echo ..." after as long as it is asked to wait; counts what it was asked.
  Speaker::Body echo(Duration after = 0ms) {
    return [this, after](io::World& world, Rpc& rpc) {
      rpc.serve(Verb::look, [this, after, &world](std::string_view text) -> Result<std::string> {
        ++asked_;
        TRY_VOID(world.fibers.sleep_until(world.clock.steady() + after));
        return "echo " + std::string(text);
      });
    };
  }

  sim::Universe universe_{{.seed = 3}};
  sim::Host &one_, &two_;
  int asked_ = 0;
};

TEST_F(RpcBetweenNodes, AQuestionIsAnswered) {
  std::optional<Result<std::string>> answer;
  start(two_, echo());
  start(one_, nothing, [&](io::World& world, Rpc& rpc) {
    answer = rpc.ask(node_2, Verb::look, "hi", world.clock.steady() + 10s);
  });
  EXPECT_TRUE(universe_.run_until(20 * second, [&] { return answer.has_value(); }));
  EXPECT_EQ(answer->value_or(""), "echo hi");
}

TEST_F(RpcBetweenNodes, AQuestionDoesNotOutwaitItsConnection) {
  std::optional<Result<std::string>> answer;
  start(two_, echo(1h));
  start(one_, nothing, [&](io::World& world, Rpc& rpc) {
    answer = rpc.ask(node_2, Verb::look, "hi", world.clock.steady() + 1h);
  });
  EXPECT_TRUE(universe_.run_until(second, [&] { return asked_ == 1; }));
  const sim::Nanos broken = universe_.loop.now();
  universe_.network().reset_connections(one_, two_);
  EXPECT_TRUE(universe_.run_until(broken + second, [&] { return answer.has_value(); }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, Code::failed);
  EXPECT_NE(answer->error().detail.find("connection to node 2 was lost"), std::string::npos)
      << answer->error().detail;
}

// A node that stops cancels its fibers, not ours; and what it had begun may have happened.
TEST_F(RpcBetweenNodes, WhoWasCancelledOverThereDoesNotCancelUs) {
  std::optional<Result<std::string>> answer;
  start(two_, [](io::World&, Rpc& rpc) {
    rpc.serve(Verb::look, [](std::string_view) -> Result<std::string> {
      return fail(Code::cancelled, "stops");
    });
  });
  start(one_, nothing, [&](io::World& world, Rpc& rpc) {
    answer = rpc.ask(node_2, Verb::look, "hi", world.clock.steady() + 10s);
  });
  EXPECT_TRUE(universe_.run_until(20 * second, [&] { return answer.has_value(); }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, Code::failed);
}

TEST_F(RpcBetweenNodes, WhatNeverLeftMayBeAskedAgain) {
  std::vector<Code> codes;
  start(one_, nothing, [&](io::World& world, Rpc& rpc) {
    for (int i = 0; i < 2; ++i) {
      codes.push_back(rpc.ask(node_2, Verb::look, "hi", world.clock.steady() + 1h).error().code);
    }
  });
  EXPECT_TRUE(universe_.run_until(10 * second, [&] { return codes.size() == 2; }));
  EXPECT_EQ(codes, (std::vector<Code>{Code::retry_later, Code::retry_later}));
}

TEST_F(RpcBetweenNodes, ACutThatLastsEndsQuestionsWithinSeconds) {
  std::optional<Result<std::string>> answer;
  start(two_, echo(1h));
  start(one_, nothing, [&](io::World& world, Rpc& rpc) {
    answer = rpc.ask(node_2, Verb::look, "hi", world.clock.steady() + 1h);
  });
  EXPECT_TRUE(universe_.run_until(second, [&] { return asked_ == 1; }));
  universe_.network().cut(two_, one_, 60 * second, /*both_ways=*/false, /*breaking=*/false);
  EXPECT_TRUE(universe_.run_until(6 * second, [&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().code, Code::failed);
}

TEST_F(RpcBetweenNodes, MessagesComeInOrderAndWatchersHearOfLinks) {
  std::vector<std::string> heard, story;
  bool answered = false;
  start(two_, [&](io::World&, Rpc& rpc) {
    rpc.hear(Verb::look, [&](const io::Origin& from, std::string_view message) {
      EXPECT_EQ(from.shard, node_1);
      heard.emplace_back(message);
    });
  });
  start(
      one_,
      [&](io::World&, Rpc& rpc) {
        rpc.watch([&](const io::Link& link) {
          story.push_back(link.now == io::Link::Now::up ? "up" : "down");
        });
      },
      [&](io::World& world, Rpc& rpc) {
        for (int i = 0; i < 100; ++i) EXPECT_TRUE(rpc.tell(node_2, Verb::look, std::to_string(i)));
        const auto lost =
            rpc.ask(node_2, Verb::await, "nobody serves it", world.clock.steady() + 5s);
        EXPECT_EQ(lost.error().code, Code::retry_later);
        answered = true;
      });
  EXPECT_TRUE(universe_.run_until(10 * second, [&] { return heard.size() == 100 && answered; }));
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i], std::to_string(i));
  universe_.network().reset_connections(one_, two_);
  EXPECT_TRUE(universe_.run_until(20 * second, [&] { return story.size() == 3; }));
  EXPECT_EQ(story, (std::vector<std::string>{"up", "down", "up"}));
}

// An answer that was meant for the process before is nobody's.
TEST_F(RpcBetweenNodes, ANewProcessIsNotGivenAnswersOfTheOldOne) {
  std::vector<std::string> answers;
  start(two_, echo(300ms));
  start(one_, nothing, [&](io::World& world, Rpc& rpc) {
    const std::string question = "life " + std::to_string(one_.incarnation());
    const auto answer = rpc.ask(node_2, Verb::look, question, world.clock.steady() + 10s);
    if (answer) answers.push_back(*answer);
  });
  EXPECT_TRUE(universe_.run_until(second, [&] { return asked_ == 1; }));
  one_.crash(sim::Death::process_crash);
  one_.restart();
  EXPECT_TRUE(universe_.run_until(10 * second, [&] { return !answers.empty(); }));
  EXPECT_EQ(answers, std::vector<std::string>{"echo life 2"});
}

}  // namespace
}  // namespace perdure::node
