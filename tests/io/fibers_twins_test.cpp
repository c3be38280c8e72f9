// Clock, Fibers, Random, Names and Peers: what every host owes to one lone shard.
#include <set>

#include "tests/io/twins.h"

namespace perdure::io {
namespace {

using namespace std::chrono_literals;

class FibersTwins : public OnTwin {};

TEST_P(FibersTwins, SleepTakesItsTime) {
  run([&] {
    const Instant start = clock().steady();
    EXPECT_TRUE(fibers().sleep_until(start + 10ms));
    EXPECT_GE(clock().steady(), start + 10ms);
    EXPECT_GE(fibers().now(), start + 10ms);
  });
}

TEST_P(FibersTwins, TimeStandsStillInAStraightLine) {
  run([&] {
    const Instant steady = clock().steady();
    const WallTime wall = clock().wall();
    EXPECT_GT(wall.time_since_epoch(), 0ms);
    EXPECT_EQ(clock().steady(), steady);
    EXPECT_EQ(clock().wall(), wall);
  });
}

TEST_P(FibersTwins, AnEventEndsAWait) {
  run([&] {
    Event event(fibers());
    EXPECT_EQ(event.wait(in(1ms)).error().code, Code::timed_out);
    Group group(fibers());
    int woken = 0;
    for (int i = 0; i < 3; ++i) {
      group.start("waits", [&] { woken += event.wait(soon()).has_value(); });
    }
    fibers().turn_end();
    event.notify_one();
    fibers().turn_end();
    EXPECT_EQ(woken, 1);
    event.notify_all();
    group.join();
    EXPECT_EQ(woken, 3);
  });
}

TEST_P(FibersTwins, CancelReachesSleepers) {
  run([&] {
    Group group(fibers());
    Code seen = Code::failed;
    group.start("sleeps", [&] { seen = fibers().sleep_until(in(1h)).error().code; });
    fibers().turn_end();
    group.stop();
    EXPECT_EQ(seen, Code::cancelled);
  });
}

TEST_P(FibersTwins, TurnEndComesAfterWhatIsReady) {
  run([&] {
    Group group(fibers());
    std::string order;
    group.start("gathers", [&] {
      fibers().turn_end();
      order += "flush";
    });
    for (int i = 0; i < 3; ++i) group.start("adds", [&] { order += "add "; });
    group.join();
    EXPECT_EQ(order, "add add add flush");
  });
}

TEST_P(FibersTwins, ALargeStackHoldsMore) {
  run([&] {
    Group group(fibers());
    char last = 0;
    group.start(
        "deep",
        [&] {
          volatile char big[160 * 1024];
          big[0] = 'x';
          last = big[0];
        },
        Stack::large);
    group.join();
    EXPECT_EQ(last, 'x');
  });
}

TEST_P(FibersTwins, DrawsDiffer) {
  run([&] {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random().draw("test"));
    EXPECT_EQ(seen.size(), 1000U);
    std::set<std::uint64_t> sides;
    for (int i = 0; i < 1000; ++i) sides.insert(random().below("dice", 6));
    EXPECT_EQ(sides, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5}));
  });
}

TEST_P(FibersTwins, LiteralAddressesAreTheirOwnNames) {
  run([&] {
    EXPECT_EQ(names().resolve("127.0.0.1", soon()).value(), std::vector<std::string>{"127.0.0.1"});
    EXPECT_EQ(names().resolve("no such name", soon()).error().code, Code::not_found);
  });
}

TEST_P(FibersTwins, FramesToOneselfComeInOrderAndLater) {
  run([&] {
    Event arrived(fibers());
    std::vector<std::string> frames;
    peers().on_frame([&](const Origin& from, std::string frame) {
      EXPECT_EQ(from.shard, peers().self());
      frames.push_back(std::move(frame));
      arrived.notify_all();
    });
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(peers().send(peers().self(), std::to_string(i)));
    EXPECT_TRUE(frames.empty());
    while (frames.size() < 10) EXPECT_TRUE(arrived.wait(soon()));
    EXPECT_EQ(frames.front(), "0");
    EXPECT_EQ(frames.back(), "9");
    const ShardAddress nowhere = {.node = peers().self().node, .shard = peers().shards()};
    EXPECT_EQ(peers().send(nowhere, "x").error().code, Code::not_found);
  });
}

ON_ALL_TWINS(FibersTwins);

}  // namespace
}  // namespace perdure::io
