#include "net/loop/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "net/loop/offload.h"
#include "tests/net/run_on_loop.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

TEST(Loop, SleepsUntilTheDeadlineAndNotInSteps) {
  Loop loop;
  run_on(loop, [&] {
    const Instant start = loop.clock.steady();
    const std::uint64_t turns = loop.turns();
    EXPECT_TRUE(loop.scheduler.sleep_until(start + 30ms));
    EXPECT_GE(loop.clock.steady(), start + 30ms);
    EXPECT_LE(loop.turns() - turns, 3U);
  });
}

TEST(Loop, TimeStandsStillWithinATurn) {
  Loop loop;
  run_on(loop, [&] {
    const Instant start = loop.clock.steady();
    while (TurnClock().steady() <= start) {
    }
    EXPECT_EQ(loop.clock.steady(), start);
  });
}

TEST(Loop, OtherThreadsPostToItInOrder) {
  Loop loop;
  std::vector<int> seen;
  std::thread other;
  run_on(loop, [&] {
    io::Event event(loop.scheduler);
    other = std::thread([&] {
      for (int i = 0; i < 1000; ++i) {
        loop.post([&seen, &event, i] {
          seen.push_back(i);
          event.notify_all();
        });
      }
    });
    while (seen.size() < 1000) EXPECT_TRUE(event.wait());
  });
  other.join();
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST(Loop, WhoYieldsDoesNotKeepTheWorldOut) {
  Loop loop;
  std::atomic<bool> posted = false;
  bool seen = false;
  std::thread other;
  run_on(loop, [&] {
    other = std::thread([&] { loop.post([&] { seen = true; }); });
    while (!seen) loop.scheduler.yield();
  });
  other.join();
  EXPECT_TRUE(seen);
}

TEST(Offload, RunsJobsOffTheLoopAndTheFiberWaits) {
  Loop loop;
  Pool pool("test", 2);
  Offload offload(loop, pool);
  EXPECT_EQ(pool.threads(), 0U);
  run_on(loop, [&] {
    const auto here = std::this_thread::get_id();
    std::thread::id there;
    offload.run([&] { there = std::this_thread::get_id(); });
    EXPECT_NE(here, there);
    EXPECT_EQ(here, std::this_thread::get_id());
    io::Group group(loop.scheduler);
    int ended = 0;
    for (int i = 0; i < 100; ++i) {
      group.start("job", [&] {
        int result = 0;
        offload.run([&result] { result = 1; });
        ended += result;
      });
    }
    group.cancel();  // a job that runs is waited for all the same
    group.join();
    EXPECT_EQ(ended, 100);
  });
  EXPECT_LE(pool.threads(), 2U);
  pool.stop();
}

TEST(Offload, APoolThatStopsEndsWhatItWasGiven) {
  std::atomic<int> ended = 0;
  Pool pool("test", 1);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(pool.submit([&] { ++ended; }));
  pool.stop();
  EXPECT_EQ(ended, 100);
  EXPECT_FALSE(pool.submit([] {}));
}

}  // namespace
}  // namespace perdure::net
