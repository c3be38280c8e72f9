// Two whole processes of two shards, on threads of their own, that talk over real sockets:
// what arrives at shard 0 must find the shard that it is for.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "engine/http/http_over_streams.h"
#include "engine/io/http.h"
#include "engine/io/peers.h"
#include "engine/io/tables.h"
#include "net/verbs/caller.h"
#include "net/world.h"
#include "tests/net/certificates.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

struct NoTables : io::Tables {
  Result<std::unique_ptr<io::Family>> open(std::string_view) override {
    return fail(Code::invalid, "no tables here");
  }
  Result<void> drop(std::string_view) override { return {}; }
  Result<void> import_family(std::string_view, std::string_view) override { return {}; }
  Result<std::vector<std::string>> list() override { return {}; }
};

const Factories with_http = {
    .http =
        [](const ShardParts& shard) {
          return std::make_unique<http::HttpOverStreams>(shard.streams, shard.fibers, shard.clock,
                                                         shard.trace);
        },
    .tables = [](const ShardParts&) { return std::make_unique<NoTables>(); },
};

// One of the two; what its shards see is touched on their own loops only.
class Node {
 public:
  Node(std::uint64_t id, const std::string& folder, std::shared_ptr<const Credentials> credentials)
      : id_(id) {
    auto made = Process::make({.shards = 2,
                               .node = NodeId(id),
                               .data_dir = folder,
                               .secret = "a secret of the two",
                               .credentials = std::move(credentials),
                               .log = {.level = io::Level::error}},
                              with_http);
    EXPECT_TRUE(made) << made.error().detail;
    process = std::move(*made);
    process->for_each_shard([this](std::uint32_t shard, io::World& world) {
      world.peers.on_link([](const io::Link&) {});
      world.peers.on_frame([this, shard](const io::Origin& from, std::string frame) {
        got[shard][from.shard].push_back(std::move(frame));
      });
      world.peers.identify(
          {.node = NodeId(id_), .incarnation = 1, .cluster = "c", .fingerprint = 5});
    });
    process->on_shard(0, [this](io::World& world) {
      auto serving = world.peers.listen("127.0.0.1:0", {}, [](io::Exchange& exchange) {
        exchange.respond({.status = 200, .headers = {}}, "node port");
      });
      ASSERT_TRUE(serving) << serving.error().detail;
      server = std::move(*serving);
    });
  }
  ~Node() {
    process->on_shard(0, [this](io::World& world) {
      server->stop(world.clock.steady() + 1s);
      server.reset();
    });
    process->stop();
  }

  const std::uint64_t id_;
  std::unique_ptr<Process> process;
  std::unique_ptr<io::HttpServer> server;
  std::map<io::ShardAddress, std::vector<std::string>> got[2];
};

class TwoProcesses : public testing::TestWithParam<bool> {};  // with TLS

TEST_P(TwoProcesses, EveryShardReachesEveryOther) {
  const TemporaryFolder one_folder, two_folder;
  Authority authority("ours");
  const auto credentials = [&](const std::string& who) {
    return *Credentials::load(GetParam() ? authority.issue(who) : TlsFiles());
  };
  Node one(1, one_folder.path(), credentials("n1")), two(2, two_folder.path(), credentials("n2"));
  constexpr std::size_t frames = 2000;
  const auto know = [](Node& node, Node& other) {
    node.process->for_each_shard([&](std::uint32_t, io::World& world) {
      world.peers.set_address(NodeId(other.id_), other.server->address());
    });
  };
  know(one, two);
  know(two, one);
  for (Node* node : {&one, &two}) {
    const NodeId other(3 - node->id_);
    node->process->for_each_shard([&](std::uint32_t, io::World& world) {
      for (std::size_t i = 0; i < frames; ++i) {
        for (std::uint32_t shard : {0U, 1U}) {
          const Instant until = world.clock.steady() + 20s;
          while (!world.peers.send({other, shard}, std::to_string(i))) {
            ASSERT_TRUE(world.fibers.sleep_until(world.clock.steady() + 1ms));
            ASSERT_LT(world.clock.steady(), until);
          }
        }
        if (i % 100 == 0) world.fibers.yield();
      }
    });
  }
  for (Node* node : {&one, &two}) {
    const NodeId other(3 - node->id_);
    node->process->for_each_shard([&](std::uint32_t shard, io::World& world) {
      const Instant until = world.clock.steady() + 20s;
      for (std::uint32_t from : {0U, 1U}) {
        std::vector<std::string>& got = node->got[shard][{other, from}];
        while (got.size() < frames && world.clock.steady() < until) {
          ASSERT_TRUE(world.fibers.sleep_until(world.clock.steady() + 1ms));
        }
        ASSERT_EQ(got.size(), frames) << "node " << node->id_ << " shard " << shard;
        for (std::size_t i = 0; i < frames; ++i) ASSERT_EQ(got[i], std::to_string(i));
      }
    });
  }
  // And whoever speaks HTTP is served at the same port.
  const auto answer = call(one.server->address(), {.method = "GET", .target = "/"}, {}, 10s,
                           credentials("operator"));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->body, "node port");
  two.process->on_shard(0, [&](io::World& world) {
    auto asked = world.peers.call(one.server->address(), {.method = "GET", .target = "/"},
                                  world.clock.steady() + 10s);
    ASSERT_TRUE(asked) << asked.error().detail;
    (*asked)->finish();
    EXPECT_EQ((*asked)->response(world.clock.steady() + 10s)->status, 200);
    EXPECT_EQ(*(*asked)->read(world.clock.steady() + 10s), "node port");
  });
}

INSTANTIATE_TEST_SUITE_P(Tls, TwoProcesses, testing::Bool(),
                         [](const auto& with) { return with.param ? "With" : "Without"; });

}  // namespace
}  // namespace perdure::net
