#include "net/sockets/sockets.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "engine/base/bytes.h"
#include "net/loop/offload.h"
#include "net/sockets/names.h"
#include "tests/net/run_on_loop.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

// One shard with sockets.
struct Shard {
  explicit Shard(Ports& shared) : ports(shared) {}
  ~Shard() { pool.stop(); }
  Ports& ports;
  Loop loop;
  Pool pool{"test", 2};
  Offload offload{loop, pool};
  SystemNames names{offload};
  SocketStreams streams{loop, names, ports};
  Instant soon() const { return loop.clock.steady() + 5s; }
};

TEST(HostPort, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_host_port("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_host_port("[::1]:9070")->host, "::1");
  EXPECT_EQ(parse_host_port(":1")->host, "");
  for (const char* wrong : {"", "8080", "host", "host:", "host:x", "host:70000", "::1:80",
                            "[::1:80", "host:-1", "host:80x"}) {
    EXPECT_FALSE(parse_host_port(wrong)) << wrong;
  }
}

TEST(Ports, SharedByShardsOfOneProcessOnly) {
  Ports ours, others;
  Shard one(ours), two(ours), stranger(others);
  std::string address;
  std::unique_ptr<io::Listener> first, second;
  run_on(one.loop, [&] {
    auto listening = one.streams.listen("127.0.0.1:0");
    ASSERT_TRUE(listening);
    first = std::move(*listening);
    address = first->address();
  });
  run_on(two.loop, [&] {
    auto listening = two.streams.listen(address);
    ASSERT_TRUE(listening) << listening.error().detail;
    second = std::move(*listening);
  });
  // What another process sees: it has its own idea of who listens where.
  run_on(stranger.loop, [&] {
    const auto refused = stranger.streams.listen(address);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::conflict);
    const std::string port = address.substr(address.rfind(':') + 1);
    EXPECT_NE(refused.error().detail.find("port " + port + " is in use"), std::string::npos)
        << refused.error().detail;
  });
  first.reset();
  run_on(stranger.loop, [&] { EXPECT_FALSE(stranger.streams.listen(address)); });
  second.reset();
  run_on(stranger.loop, [&] { EXPECT_TRUE(stranger.streams.listen(address)); });
}

// The limit is lowered for this test only.
TEST(Listener, OutOfDescriptorsIsSaidAndDoesNotSpin) {
  Ports ports;
  Shard shard(ports);
  rlimit before = {};
  ::getrlimit(RLIMIT_NOFILE, &before);
  run_on(shard.loop, [&] {
    const auto listener = shard.streams.listen("127.0.0.1:0");
    ASSERT_TRUE(listener);
    auto caller = shard.streams.connect((*listener)->address(), shard.soon());
    ASSERT_TRUE(caller);
    const Fd spare(::dup(2));
    const rlimit none = {.rlim_cur = static_cast<rlim_t>(spare.get()) + 1,
                         .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const std::uint64_t turns = shard.loop.turns();
    const auto refused = (*listener)->accept(shard.soon());
    ::setrlimit(RLIMIT_NOFILE, &before);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::retry_later);
    EXPECT_LE(shard.loop.turns() - turns, 5U);
    EXPECT_TRUE((*listener)->accept(shard.soon()));  // it was kept for us
  });
}

TEST(Names, KnowLocalhostAndSayWhenThereIsNoSuchName) {
  Ports ports;
  Shard shard(ports);
  run_on(shard.loop, [&] {
    const auto found = shard.names.resolve("localhost", shard.soon());
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_TRUE(found->front() == "127.0.0.1" || found->front() == "::1");
    EXPECT_EQ(*shard.names.resolve("::1", shard.soon()), std::vector<std::string>{"::1"});
    // A name with a blank is refused by the resolver itself, no server is asked.
    const auto absent = shard.names.resolve("no such name", shard.soon());
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code, Code::not_found);
  });
}

TEST(Sockets, ServeIpv6) {
  Ports ports;
  Shard shard(ports);
  run_on(shard.loop, [&] {
    auto listener = shard.streams.listen("[::1]:0");
    if (!listener) return;  // a machine without IPv6
    EXPECT_TRUE((*listener)->address().starts_with("[::1]:"));
    const auto caller = shard.streams.connect((*listener)->address(), shard.soon());
    ASSERT_TRUE(caller) << caller.error().detail;
    const auto served = (*listener)->accept(shard.soon());
    ASSERT_TRUE(served);
    EXPECT_TRUE((*served)->peer().starts_with("[::1]:"));
  });
}

// An answer that a busy loop would miss: the turns that an idle wait takes.
TEST(Sockets, WaitingCostsNoTurns) {
  Ports ports;
  Shard shard(ports);
  run_on(shard.loop, [&] {
    const auto listener = shard.streams.listen("127.0.0.1:0");
    ASSERT_TRUE(listener);
    const auto caller = shard.streams.connect((*listener)->address(), shard.soon());
    const auto served = (*listener)->accept(shard.soon());
    ASSERT_TRUE(caller && served);
    const std::uint64_t turns = shard.loop.turns();
    std::array<std::byte, 16> into;
    const auto nothing = (*caller)->read(into, shard.loop.clock.steady() + 20ms);
    EXPECT_EQ(nothing.error().code, Code::timed_out);
    EXPECT_LE(shard.loop.turns() - turns, 3U);
  });
}

}  // namespace
}  // namespace perdure::net
