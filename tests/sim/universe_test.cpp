#include "sim/world/universe.h"

#include <gtest/gtest.h>

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/peers.h"
#include "engine/io/random.h"
#include "engine/io/streams.h"
#include "engine/io/tables.h"
#include "engine/io/trace.h"
#include "sim/disk/disk_store.h"
#include "sim/network/network.h"
#include "sim/tables/tables.h"
#include "sim/world/guests.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

faults::Weather rough() {
  faults::Weather weather;
  weather.split = 0.5;
  weather.link_tail = 0.01;
  weather.window_bytes = 1000;
  weather.steady_ppm = 500;
  return weather;
}

Result<std::string> read_all(io::Stream& stream, Instant deadline) {
  std::string all;
  std::string some(300, '\0');
  while (true) {
    TRY(count, stream.read(std::as_writable_bytes(std::span(some)), deadline));
    if (count == 0) return all;
    all.append(some, 0, count);
  }
}

Result<void> write_all(io::Stream& stream, std::string_view bytes, Instant deadline) {
  while (!bytes.empty()) {
    TRY(count, stream.write(as_bytes(bytes), deadline));
    bytes.remove_prefix(count);
  }
  return {};
}

// A server that sends back what it got, reversed; serves connections one by one.
void serve_reversed(io::World& world) {
  auto listener = world.streams.listen("0.0.0.0:7000");
  ASSERT_TRUE(listener);
  while (true) {
    auto stream = (*listener)->accept(io::never);
    if (!stream) return;
    auto bytes = read_all(**stream, world.fibers.now() + seconds(30));
    if (!bytes) continue;
    std::reverse(bytes->begin(), bytes->end());
    if (!write_all(**stream, *bytes, world.fibers.now() + seconds(30))) continue;
    (*stream)->finish();
    world.trace.event(io::Level::info, "served", {{"bytes", bytes->size()}});
  }
}

struct Reversed {
  std::string digest;
  std::string answer;
  Nanos took;
};

Reversed reverse_once(std::uint64_t seed) {
  Universe universe({.seed = seed, .weather = rough()});
  universe.add_host({.name = "server"}).start(on_shard_0(serve_reversed));
  std::optional<std::string> answer;
  universe.add_host({.name = "client"}).start(on_shard_0([&](io::World& world) {
    const Instant deadline = world.fibers.now() + seconds(60);
    Result<std::unique_ptr<io::Stream>> stream = fail(Code::failed, "");
    do {
      stream = world.streams.connect("server:7000", deadline);
      (void)world.fibers.sleep_until(world.fibers.now() + milliseconds(10));
    } while (!stream);
    std::string sent;
    for (int i = 0; i < 5000; ++i) sent += static_cast<char>('a' + i % 26);
    ASSERT_TRUE(write_all(**stream, sent, deadline));
    (*stream)->finish();
    auto got = read_all(**stream, deadline);
    ASSERT_TRUE(got) << got.error().detail;
    std::reverse(got->begin(), got->end());
    EXPECT_EQ(*got, sent);
    answer = *got;
  }));
  EXPECT_TRUE(universe.run_until(100 * second, [&] { return answer.has_value(); }))
      << universe.waiting();
  return {universe.loop.digest().hex(), answer.value_or(""), universe.loop.now()};
}

TEST(Universe, OneSeedIsOneHistory) {
  const Reversed first = reverse_once(11), second_time = reverse_once(11), other = reverse_once(12);
  EXPECT_EQ(first.digest, second_time.digest);
  EXPECT_EQ(first.took, second_time.took);
  EXPECT_NE(first.digest, other.digest);
}

TEST(Universe, StreamsKeepOrderUnderSplitsAndSmallWindows) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) reverse_once(seed);
}

TEST(Universe, TimePassesOnlyWhenNobodyIsReady) {
  Universe universe({.seed = 3});
  bool done = false;
  universe.add_host({.name = "n1"}).start(on_shard_0([&](io::World& world) {
    const Instant start = world.clock.steady();
    EXPECT_TRUE(world.fibers.sleep_until(start + std::chrono::hours(24)));
    EXPECT_GE(world.clock.steady(), start + std::chrono::hours(24));
    EXPECT_LT(world.clock.steady(), start + std::chrono::hours(24) + milliseconds(100));
    done = true;
  }));
  EXPECT_TRUE(universe.run_until(48ull * 3600 * second, [&] { return done; }));
  EXPECT_LT(universe.loop.event(), 100U);
}

TEST(Universe, AStuckRunSaysWhoWaits) {
  Universe universe({.seed = 3});
  universe.add_host({.name = "n1"}).start(on_shard_0([&](io::World& world) {
    io::Event never_told(world.fibers);
    (void)never_told.wait();
  }));
  EXPECT_FALSE(universe.run_until(second, [] { return false; }));
  ASSERT_TRUE(universe.loop.finding());
  EXPECT_EQ(universe.loop.finding()->check, "liveness.deadlock");
  EXPECT_NE(universe.loop.finding()->detail.find("n1.1/0 main waits"), std::string::npos)
      << universe.loop.finding()->detail;
}

// Appends numbers to a file and says so after each sync.
void append_for_ever(io::World& world) {
  auto file = world.disk.open("numbers", io::Open::create);
  if (!file || !world.disk.sync_folder("")) return;
  auto at = (*file)->size();
  if (!at) return;
  for (std::uint64_t next = *at / 8;; ++next) {
    std::string bytes;
    put_be(bytes, next + 1);
    if (!(*file)->write_and_sync(next * 8, as_bytes(bytes))) return;
    world.trace.event(io::Level::info, "acked", {{"number", next + 1}});
  }
}

TEST(Crash, NeverTakesWhatASyncCovered) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Universe universe({.seed = seed});
    Host& host = universe.add_host({.name = "n1"});
    std::uint64_t acked = 0;
    universe.recorder.observe([&](const TraceEvent& event) {
      if (event.name == "acked") acked = event.number("number");
    });
    host.start(on_shard_0(append_for_ever));
    Dice dice(seed, "test");
    for (int life = 0; life < 5; ++life) {
      universe.loop.run(universe.loop.now() + dice.between(0, 40 * millisecond));
      const Death death = dice.chance(0.5) ? Death::power_loss : Death::process_crash;
      if (dice.chance(0.5)) {
        host.crash(death);
      } else {
        host.crash_in_turn(death, dice.below(3), std::nullopt);
        universe.loop.run(universe.loop.now() + second);
      }
      ASSERT_FALSE(host.up());
      if (acked > 0) {
        const auto bytes = host.disk().bytes("numbers");
        ASSERT_TRUE(bytes && bytes->size() >= acked * 8) << "seed " << seed;
        for (std::uint64_t n = 1; n <= acked; ++n) {
          ASSERT_EQ(get_be<std::uint64_t>(std::string_view(*bytes).substr((n - 1) * 8)), n);
        }
      }
      host.restart();
    }
    EXPECT_GT(acked, 0U);
    EXPECT_EQ(host.incarnation(), 6U);
  }
}

TEST(Crash, CutsATurnAfterSoManyEffects) {
  for (std::uint64_t effects = 0; effects <= 5; ++effects) {
    Universe universe({.seed = 5});
    Host& sender = universe.add_host({.name = "n1"});
    Host& receiver = universe.add_host({.name = "n2"});
    std::string got;
    receiver.start(on_shard_0([&](io::World& world) {
      world.peers.on_frame([&](const io::Origin&, std::string frame) { got += frame; });
      (void)world.fibers.sleep_until(io::never);
    }));
    int unwound = 0;
    sender.start(on_shard_0([&](io::World& world) {
      struct Unwound {
        int& count;
        ~Unwound() { ++count; }
      } const unwound_here{unwound};
      (void)world.fibers.sleep_until(world.fibers.now() + milliseconds(10));
      for (const char* frame : {"a", "b", "c", "d"}) {
        EXPECT_TRUE(world.peers.send({.node = receiver.node(), .shard = 0}, frame));
        world.trace.event(io::Level::info, "sent");
      }
      (void)world.fibers.sleep_until(io::never);
    }));
    universe.loop.run(5 * millisecond);
    sender.crash_in_turn(Death::process_crash, effects, 50 * millisecond);
    universe.loop.run(20 * millisecond);
    EXPECT_EQ(unwound, 1);
    // A frame on its way when its sender dies may be lost with the connection.
    EXPECT_TRUE(std::string("abcd").substr(0, effects).starts_with(got)) << got;
    EXPECT_EQ(universe.recorder.hits("sent"),
              effects == 0 ? 0 : std::min<std::uint64_t>(effects - (effects <= 4 ? 1 : 0), 4));
    universe.loop.run(60 * millisecond);
    EXPECT_EQ(sender.incarnation(), 2U);
  }
}

// Who has made up its mind is not held back: a process that ended and was never buried would
// be missing for ever (log_cluster, seed 4963).
TEST(Crash, AnExitIsOfThisTurnAndIsNotSpared) {
  Universe universe({.seed = 5});
  Host& host = universe.add_host({.name = "n1"});
  host.start(on_shard_0([&](io::World& world) {
    if (host.incarnation() == 2) return (void)world.fibers.sleep_until(io::never);
    host.crash_in_turn(Death::power_loss, 0, std::nullopt);
    host.exit_with_turn(50 * millisecond);
    EXPECT_TRUE(world.disk.make_folder("last words"));
    host.pause(second);
    host.spare();
  }));
  universe.loop.run(20 * millisecond);
  EXPECT_FALSE(host.up());
  EXPECT_TRUE(host.powered());
  universe.loop.run(100 * millisecond);
  EXPECT_EQ(host.incarnation(), 2U);
}

TEST(Crash, AtAMarkNothingAfterItHappens) {
  Universe universe({.seed = 5});
  Host& host = universe.add_host({.name = "n1"});
  host.start(on_shard_0([&](io::World& world) {
    for (int i = 0; i < 100; ++i) {
      world.trace.event(io::Level::info, "before");
      if (!world.disk.make_folder("f" + std::to_string(i))) return;
    }
  }));
  host.crash_at_mark(Death::process_crash, "before", 3, std::nullopt);
  universe.loop.run(second);
  EXPECT_FALSE(host.up());
  EXPECT_EQ(universe.recorder.hits("before"), 3U);
  const auto names = host.disk().list("");
  ASSERT_TRUE(names);
  EXPECT_EQ(names->size(), 2U);
}

TEST(Crash, PeersOfAStreamSeeAResetOrNothing) {
  for (const Death death : {Death::process_crash, Death::power_loss}) {
    Universe universe({.seed = 9});
    Host& server = universe.add_host({.name = "server"});
    server.start(on_shard_0([](io::World& world) {
      auto listener = world.streams.listen("0.0.0.0:80");
      auto stream = (*listener)->accept(io::never);
      (void)world.fibers.sleep_until(io::never);
    }));
    std::optional<Code> seen;
    universe.add_host({.name = "client"}).start(on_shard_0([&](io::World& world) {
      (void)world.fibers.sleep_until(world.fibers.now() + milliseconds(10));
      auto stream = world.streams.connect("server:80", world.fibers.now() + seconds(1));
      ASSERT_TRUE(stream);
      std::string byte(1, '?');
      const auto read =
          (*stream)->read(std::as_writable_bytes(std::span(byte)), world.fibers.now() + seconds(5));
      ASSERT_FALSE(read);
      seen = read.error().code;
    }));
    universe.loop.run(100 * millisecond);
    server.crash(death);
    EXPECT_TRUE(universe.run_until(10 * second, [&] { return seen.has_value(); }));
    EXPECT_EQ(*seen, death == Death::process_crash ? Code::failed : Code::timed_out);
  }
}

// One fiber reads, another writes and is told that the connection is gone.
TEST(Network, AResetReachesWhoReadsWhileAnotherWrites) {
  faults::Weather weather;
  weather.connection_reset = 1;
  Universe universe({.seed = 1, .weather = weather});
  universe.add_host({.name = "server"}).start(on_shard_0([](io::World& world) {
    auto listener = world.streams.listen("0.0.0.0:80");
    auto stream = (*listener)->accept(io::never);
    (void)world.fibers.sleep_until(io::never);
  }));
  bool read_ended = false;
  universe.add_host({.name = "client"}).start(on_shard_0([&](io::World& world) {
    (void)world.fibers.sleep_until(world.fibers.now() + milliseconds(10));
    auto stream = world.streams.connect("server:80", world.fibers.now() + seconds(1));
    ASSERT_TRUE(stream);
    io::Group reading(world.fibers);
    reading.start("reader", [&] {
      std::string bytes(10, '\0');
      const auto read = (*stream)->read(std::as_writable_bytes(std::span(bytes)),
                                        world.fibers.now() + seconds(30));
      EXPECT_FALSE(read);
      read_ended = read.error().code == Code::failed;
    });
    (void)world.fibers.sleep_until(world.fibers.now() + seconds(1));
    EXPECT_FALSE((*stream)->write(as_bytes(std::string_view("x")), io::never));
    (void)world.fibers.sleep_until(world.fibers.now() + seconds(1));
    EXPECT_TRUE(read_ended);
    reading.stop();
  }));
  universe.loop.run(3 * second);
  EXPECT_TRUE(read_ended);
}

TEST(Tables, AnIngestIsAllOrNothingInACrash) {
  int all = 0, nothing = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Universe universe({.seed = seed});
    Host& host = universe.add_host({.name = "n1"});
    host.start(on_shard_0([&](io::World& world) {
      auto family = world.tables.open("p0");
      ASSERT_TRUE(family);
      (void)(*family)->ingest({.erase_ranges = {}, .changes = {{"a", "1"}, {"b", "2"}}});
      (void)world.fibers.sleep_until(io::never);
    }));
    universe.loop.run(2 * millisecond);
    host.crash(Death::power_loss);
    const auto& rows = *host.tables().families.at("p0");
    EXPECT_TRUE(rows.empty() || rows.size() == 2);
    ++(rows.empty() ? nothing : all);
  }
  EXPECT_GT(all, 10);
  EXPECT_GT(nothing, 10);
}

TEST(Http, AnswersAtMessageLevel) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Universe universe({.seed = seed, .weather = rough()});
    universe.add_host({.name = "server", .shards = 2})
        .start(each_shard([](io::World& world, std::uint32_t) {
          auto server = world.http.serve("0.0.0.0:8080", {}, [&world](io::Exchange& exchange) {
            std::string body;
            while (true) {
              auto some = exchange.read(world.fibers.now() + seconds(30));
              if (!some) return;
              if (some->empty()) break;
              body += *some;
            }
            exchange.respond({.status = 201, .headers = {{"x", exchange.request().target}}},
                             body + "!");
          });
          ASSERT_TRUE(server);
          (void)world.fibers.sleep_until(world.fibers.now() + seconds(20));
          (*server)->stop(world.fibers.now() + seconds(1));
        }));
    int answered = 0;
    universe.add_host({.name = "client"}).start(on_shard_0([&](io::World& world) {
      (void)world.fibers.sleep_until(world.fibers.now() + milliseconds(10));
      for (int i = 0; i < 5; ++i) {
        const Instant deadline = world.fibers.now() + seconds(10);
        auto call =
            world.http.call({.scheme = "http", .authority = "server:8080"},
                            {.method = "POST", .target = "/a/" + std::to_string(i)}, deadline);
        ASSERT_TRUE(call) << call.error().detail;
        ASSERT_TRUE((*call)->write(std::string(3000, 'x'), deadline));
        (*call)->finish();
        const auto response = (*call)->response(deadline);
        ASSERT_TRUE(response) << response.error().detail;
        EXPECT_EQ(response->status, 201);
        EXPECT_EQ(*io::find_header(response->headers, "x"), "/a/" + std::to_string(i));
        std::string body;
        while (true) {
          auto some = (*call)->read(deadline);
          ASSERT_TRUE(some) << some.error().detail;
          if (some->empty()) break;
          body += *some;
        }
        EXPECT_EQ(body, std::string(3000, 'x') + "!");
        ++answered;
      }
      const auto refused =
          world.http.call({.scheme = "http", .authority = "server:9"},
                          {.method = "GET", .target = "/"}, world.fibers.now() + seconds(5));
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Code::failed);
    }));
    universe.loop.run(60 * second);
    EXPECT_EQ(answered, 5);
    EXPECT_EQ(universe.network().conduits(), 0U);
  }
}

}  // namespace
}  // namespace perdure::sim
