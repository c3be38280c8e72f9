// Links between two nodes: what both twins of io::Peers owe to the engine.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "engine/base/bytes.h"
#include "tests/io/two_nodes.h"

namespace perdure::io {
namespace {

using namespace std::chrono_literals;

constexpr ShardAddress node_1 = {.node = NodeId(1), .shard = 0};
constexpr ShardAddress node_2 = {.node = NodeId(2), .shard = 0};

Identity identity(std::uint64_t node, std::uint64_t incarnation = 1,
                  std::uint64_t fingerprint = 77) {
  return {.node = NodeId(node),
          .incarnation = incarnation,
          .cluster = "orders",
          .fingerprint = fingerprint};
}

// What one node got to see, in order.
struct Seen {
  struct Got {
    Origin from;
    std::string frame;
  };
  std::vector<Got> frames;
  std::vector<Link> links;
  std::vector<std::string> story;  // "up 1", "frame a", "down 1"

  void listen_to(Peers& peers) {
    peers.on_frame([this](const Origin& from, std::string frame) {
      story.push_back("frame " + frame.substr(0, 20));
      frames.push_back({from, std::move(frame)});
    });
    peers.on_link([this](const Link& link) {
      story.push_back(link.now == Link::Now::up ? "up" : link.was_up ? "down" : "failed");
      links.push_back(link);
    });
  }
  std::size_t count(std::string_view what) const {
    return static_cast<std::size_t>(std::ranges::count(story, what));
  }
};

class PeersTwins : public testing::TestWithParam<TwoNodesMaker> {
 protected:
  void run(std::move_only_function<void()> body) { nodes_->run(std::move(body)); }
  Peers& peers(int node) { return nodes_->peers(node); }

  void meet() {
    one.listen_to(peers(1));
    two.listen_to(peers(2));
    peers(1).identify(identity(1));
    peers(2).identify(identity(2));
    know_each_other();
  }
  void know_each_other() {
    peers(1).set_address(NodeId(2), nodes_->address(2));
    peers(2).set_address(NodeId(1), nodes_->address(1));
  }
  bool eventually(const std::function<bool()>& holds, Duration within = 20s) {
    const Instant until = nodes_->clock().steady() + within;
    while (!holds()) {
      if (nodes_->clock().steady() >= until) return false;
      pause(1ms);
    }
    return true;
  }
  void pause(Duration span) {
    EXPECT_TRUE(nodes_->fibers().sleep_until(nodes_->clock().steady() + span));
  }
  // Again while it is told to.
  void send_surely(int from, ShardAddress to, const std::string& frame) {
    EXPECT_TRUE(eventually([&] { return peers(from).send(to, frame).has_value(); })) << frame;
  }

  std::unique_ptr<TwoNodes> nodes_ = GetParam().make();
  Seen one, two;
};

TEST_P(PeersTwins, FramesCrossBothWaysInOrder) {
  run([&] {
    meet();
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(peers(1).send(node_2, std::to_string(i)));
    ASSERT_TRUE(eventually([&] { return two.frames.size() == 500; }));
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(peers(2).send(node_1, std::to_string(i)));
    ASSERT_TRUE(eventually([&] { return one.frames.size() == 500; }));
    for (std::size_t i = 0; i < 500; ++i) {
      EXPECT_EQ(two.frames[i].frame, std::to_string(i));
      EXPECT_EQ(one.frames[i].frame, std::to_string(i));
    }
    EXPECT_EQ(two.frames[0].from.shard, node_1);
    EXPECT_EQ(two.frames[0].from.incarnation, 1U);
    EXPECT_EQ(two.frames[0].from.connection, two.links[0].connection);
    EXPECT_EQ(one.count("up"), 1U);
    EXPECT_EQ(two.count("up"), 1U);
  });
}

TEST_P(PeersTwins, BothHearOfTheConnectionBeforeItsFirstFrame) {
  run([&] {
    meet();
    EXPECT_TRUE(peers(1).send(node_2, "a"));
    ASSERT_TRUE(eventually([&] { return !two.frames.empty() && !one.links.empty(); }));
    EXPECT_EQ(two.story, (std::vector<std::string>{"up", "frame a"}));
    EXPECT_EQ(one.story, (std::vector<std::string>{"up"}));
    EXPECT_EQ(one.links[0].peer, node_2);
    EXPECT_EQ(two.links[0].peer, node_1);
    EXPECT_GT(one.links[0].connection, 0U);
  });
}

TEST_P(PeersTwins, ABigFrameArrivesWhole) {
  run([&] {
    meet();
    std::string big;
    for (std::uint32_t i = 0; big.size() < 5'000'000; ++i) put_be(big, i);
    EXPECT_TRUE(peers(1).send(node_2, "before"));
    EXPECT_TRUE(peers(1).send(node_2, big));
    EXPECT_TRUE(peers(1).send(node_2, ""));
    ASSERT_TRUE(eventually([&] { return two.frames.size() == 3; }));
    EXPECT_TRUE(two.frames[1].frame == big);
    EXPECT_EQ(two.frames[2].frame, "");
  });
}

TEST_P(PeersTwins, AResetEndsTheConnectionForBothAndANewOneComes) {
  run([&] {
    meet();
    EXPECT_TRUE(peers(1).send(node_2, "a"));
    ASSERT_TRUE(eventually([&] { return one.count("up") == 1 && two.count("up") == 1; }));
    nodes_->reset_connections();
    ASSERT_TRUE(eventually([&] { return one.count("up") == 2 && two.count("up") == 2; }));
    EXPECT_EQ(one.count("down"), 1U);
    EXPECT_EQ(two.count("down"), 1U);
    EXPECT_FALSE(one.links[1].why.empty());
    EXPECT_GT(one.links.back().connection, one.links.front().connection);
    EXPECT_TRUE(peers(1).send(node_2, "b"));
    ASSERT_TRUE(eventually([&] { return two.story.back() == "frame b"; }));
    EXPECT_EQ(two.frames.back().from.connection, two.links.back().connection);
  });
}

// Whatever is lost: within one connection there is no hole, and nothing comes twice.
TEST_P(PeersTwins, NoConnectionHasAHole) {
  run([&] {
    meet();
    std::uint64_t sent = 0;
    for (int round = 0; round < 8; ++round) {
      for (int i = 0; i < 200; ++i) {
        if (peers(1).send(node_2, std::to_string(sent))) ++sent;
        if (i % 10 == 0) pause(1ms);
        if (i == 20 * round) nodes_->reset_connections();
      }
    }
    // The sender may not have heard of the last loss yet: what it sends goes there, too.
    ASSERT_TRUE(eventually([&] {
      (void)peers(1).send(node_2, "last");
      return two.count("frame last") > 0;
    }));
    std::map<std::uint64_t, std::uint64_t> last;  // by connection
    std::uint64_t newest = 0;
    for (const Seen::Got& got : two.frames) {
      if (got.frame == "last") break;
      const std::uint64_t number = std::stoull(got.frame);
      EXPECT_GE(number, newest);
      newest = number + 1;
      const auto [entry, first] = last.emplace(got.from.connection, number);
      if (!first) {
        EXPECT_EQ(number, entry->second + 1);
      }
      entry->second = number;
    }
    EXPECT_GE(last.size(), 4U);
  });
}

TEST_P(PeersTwins, TwoWhoDialAtOnceEndWithOneConnection) {
  run([&] {
    meet();
    for (int round = 0; round < 5; ++round) {
      send_surely(1, node_2, "from 1");
      send_surely(2, node_1, "from 2");
      const auto round_over = [&] {
        return one.count("frame from 2") > static_cast<std::size_t>(round) &&
               two.count("frame from 1") > static_cast<std::size_t>(round);
      };
      ASSERT_TRUE(eventually(round_over));
      EXPECT_EQ(one.count("up"), one.count("down") + 1);
      EXPECT_EQ(two.count("up"), two.count("down") + 1);
      nodes_->reset_connections();
      ASSERT_TRUE(eventually([&] {
        return one.count("up") == static_cast<std::size_t>(round) + 2 &&
               two.count("up") == static_cast<std::size_t>(round) + 2;
      }));
    }
  });
}

TEST_P(PeersTwins, AnotherClusterIsRefusedWithTheReason) {
  run([&] {
    meet();
    peers(2).identify(identity(2, 1, 78));
    EXPECT_TRUE(peers(1).send(node_2, "a"));
    ASSERT_TRUE(eventually([&] { return !one.links.empty(); }));
    EXPECT_EQ(one.links[0].now, Link::Now::down);
    EXPECT_FALSE(one.links[0].was_up);
    EXPECT_NE(one.links[0].why.find("another cluster"), std::string::npos) << one.links[0].why;
    pause(50ms);
    EXPECT_TRUE(two.story.empty());
  });
}

TEST_P(PeersTwins, WhoIsNotTheNodeThatWasAskedForRefuses) {
  run([&] {
    meet();
    const ShardAddress node_3 = {.node = NodeId(3), .shard = 0};
    peers(1).set_address(NodeId(3), nodes_->address(2));
    EXPECT_TRUE(peers(1).send(node_3, "a"));
    ASSERT_TRUE(eventually([&] { return !one.links.empty(); }));
    EXPECT_EQ(one.links[0].peer, node_3);
    EXPECT_NE(one.links[0].why.find("this is node 2, not 3"), std::string::npos)
        << one.links[0].why;
    EXPECT_TRUE(two.story.empty());
  });
}

TEST_P(PeersTwins, ANewProcessOfANodeTakesOver) {
  run([&] {
    meet();
    EXPECT_TRUE(peers(1).send(node_2, "a"));
    ASSERT_TRUE(eventually([&] { return two.frames.size() == 1; }));
    nodes_->restart_node_2();
    Seen reborn;
    reborn.listen_to(peers(2));
    peers(2).identify(identity(2, 2));
    peers(2).set_address(NodeId(1), nodes_->address(1));
    ASSERT_TRUE(eventually([&] { return one.count("up") == 2; }));
    EXPECT_EQ(one.links.back().incarnation, 2U);
    EXPECT_TRUE(peers(1).send(node_2, "b"));
    ASSERT_TRUE(eventually([&] { return reborn.frames.size() == 1; }));
    EXPECT_EQ(reborn.frames[0].frame, "b");
  });
}

TEST_P(PeersTwins, AnEarlierIncarnationIsRefused) {
  run([&] {
    meet();
    peers(2).identify(identity(2, 5));
    EXPECT_TRUE(peers(2).send(node_1, "a"));
    ASSERT_TRUE(eventually([&] { return one.frames.size() == 1; }));
    nodes_->restart_node_2();
    Seen ghost;
    ghost.listen_to(peers(2));
    peers(2).identify(identity(2, 4));
    peers(1).set_address(NodeId(2), "");  // so that only it dials
    peers(2).set_address(NodeId(1), nodes_->address(1));
    EXPECT_TRUE(peers(2).send(node_1, "boo"));
    ASSERT_TRUE(eventually([&] { return !ghost.links.empty(); }));
    EXPECT_FALSE(ghost.links[0].was_up);
    EXPECT_NE(ghost.links[0].why.find("is over"), std::string::npos) << ghost.links[0].why;
    EXPECT_EQ(one.frames.size(), 1U);
  });
}

TEST_P(PeersTwins, ANodeThatNobodyKnowsIsNotFound) {
  run([&] {
    meet();
    const ShardAddress nowhere = {.node = NodeId(9), .shard = 0};
    EXPECT_EQ(peers(1).send(nowhere, "x").error().code, Code::not_found);
    const std::string giant(Peers::frame_bytes_max + 1, 'x');
    EXPECT_EQ(peers(1).send(node_2, giant).error().code, Code::invalid);
  });
}

TEST_P(PeersTwins, WhileNobodyIsThereSendersAreToldAtOnce) {
  run([&] {
    one.listen_to(peers(1));
    peers(1).identify(identity(1));
    two.listen_to(peers(2));  // which does not say who it is
    peers(1).set_address(NodeId(2), nodes_->address(2));
    EXPECT_TRUE(peers(1).send(node_2, "lost"));
    ASSERT_TRUE(eventually([&] { return one.count("failed") == 1; }));
    EXPECT_TRUE(eventually([&] {
      const auto sent = peers(1).send(node_2, "x");
      return !sent && sent.error().code == Code::retry_later;
    }));
    peers(2).identify(identity(2));
    send_surely(1, node_2, "there");
    EXPECT_TRUE(eventually([&] { return two.count("frame there") == 1; }));
    EXPECT_EQ(two.count("frame lost"), 0U);
  });
}

TEST_P(PeersTwins, AQueueIsBounded) {
  run([&] {
    meet();
    const std::string frame(1 << 20, 'x');
    Result<void> last;
    int taken = 0;
    for (; last && taken < 200; ++taken) last = peers(1).send(node_2, frame);
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, Code::retry_later);
    const auto expected = static_cast<std::size_t>(taken - 1);
    ASSERT_TRUE(eventually([&] { return two.frames.size() == expected; }));
    send_surely(1, node_2, "goes on");
    EXPECT_TRUE(eventually([&] { return two.count("frame goes on") == 1; }));
  });
}

TEST_P(PeersTwins, AForgottenNodeIsNotTalkedTo) {
  run([&] {
    meet();
    EXPECT_TRUE(peers(1).send(node_2, "a"));
    ASSERT_TRUE(eventually([&] { return one.count("up") == 1; }));
    peers(1).set_address(NodeId(2), "");
    EXPECT_EQ(one.count("down"), 1U);
    EXPECT_TRUE(eventually([&] { return two.count("down") == 1; }));
  });
}

INSTANTIATE_TEST_SUITE_P(Twins, PeersTwins, testing::ValuesIn(all_two_nodes()),
                         [](const auto& twin) { return std::string(twin.param.name); });

}  // namespace
}  // namespace perdure::io
