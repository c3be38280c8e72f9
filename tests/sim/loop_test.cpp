#include "sim/world/loop.h"

#include <gtest/gtest.h>

#include <string>

#include "sim/world/draw.h"

namespace perdure::sim {
namespace {

TEST(Draw, IsAddressedAndNotSequential) {
  Dice one(7, "net.delay", 3), same(7, "net.delay", 3), other(7, "net.delay", 4);
  const std::uint64_t first = one.next();
  EXPECT_EQ(first, same.next());
  EXPECT_NE(first, other.next());
  EXPECT_EQ(one.next(), draw(7, "net.delay", 3, 1));
  EXPECT_NE(draw(7, "net.delay", 3, 1), draw(8, "net.delay", 3, 1));
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t n = one.between(5, 9);
    EXPECT_TRUE(n >= 5 && n <= 9);
    const std::uint64_t magnitude = one.log_between(10, 1000);
    EXPECT_TRUE(magnitude >= 10 && magnitude <= 1000);
  }
}

TEST(Loop, RunsByTimeThenByMaking) {
  Loop loop;
  std::string order;
  const auto note = [&order](char c) { return [&order, c] { order += c; }; };
  loop.at(20, Life(), Kind::nemesis, 0, note('c'));
  loop.at(10, Life(), Kind::nemesis, 0, note('a'));
  loop.at(10, Life(), Kind::nemesis, 0, note('b'));
  loop.run(15);
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(loop.now(), 15U);
  loop.run(1000);
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(loop.idle());
}

TEST(Loop, DropsEventsOfEndedLives) {
  Loop loop;
  const std::uint32_t host = loop.new_host();
  const Life first = loop.begin_life(host);
  int ran = 0;
  loop.at(10, first, Kind::timer, 0, [&] { ++ran; });
  loop.end_life(host);
  const Life second = loop.begin_life(host);
  loop.at(11, second, Kind::timer, 0, [&] { ran += 10; });
  loop.run(100);
  EXPECT_EQ(ran, 10);
  EXPECT_FALSE(loop.alive(first));
  EXPECT_TRUE(loop.alive(second));
}

TEST(Loop, FindsTimeThatStandsStill) {
  Loop loop({.events = 1'000'000, .events_at_one_instant = 1000});
  std::function<void()> again = [&] { loop.after(0, Life(), Kind::turn, 0, [&] { again(); }); };
  again();
  loop.run(10);
  ASSERT_TRUE(loop.finding());
  EXPECT_EQ(loop.finding()->check, "harness.zeno");
}

TEST(Loop, DigestsDifferByPayload) {
  const auto digest = [](std::uint64_t payload) {
    Loop loop;
    loop.at(1, Life(), Kind::arrive, payload, [] {});
    loop.run(2);
    return loop.digest().hex();
  };
  EXPECT_EQ(digest(1), digest(1));
  EXPECT_NE(digest(1), digest(2));
}

}  // namespace
}  // namespace perdure::sim
