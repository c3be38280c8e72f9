#include "sim/nemesis.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/io/disk.h"
#include "sim/disk/disk_store.h"
#include "sim/network/network.h"
#include "sim/world/guests.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Three machines on which nothing runs but what a test starts, and one misfortune.
struct Three {
  Universe universe{{.seed = 5}};
  Budget budget;
  std::unique_ptr<Nemesis> nemesis;

  Three() {
    for (const char* name : {"n1", "n2", "n3"}) {
      universe.add_host({.name = name}).start(on_shard_0([](io::World&) {}));
    }
  }
  void inflict(faults::Fault fault) {
    if (nemesis) nemesis->heal();  // nothing of the last one is still to come
    nemesis =
        std::make_unique<Nemesis>(universe, budget, faults::Schedule{{.fault = std::move(fault)}});
    nemesis->begin();
    run(milliseconds(1));
  }
  void run(Duration span) { universe.loop.run(universe.loop.now() + nanos(span)); }
  // Whether a message that is sent now arrives soon.
  bool reaches(const char* from, const char* to) {
    const Nanos arrival = universe.network().arrival(universe.host(from), universe.host(to));
    return arrival < universe.loop.now() + nanos(milliseconds(50));
  }
};

TEST(Nemesis, PartitionsAndHeals) {
  Three three;
  three.inflict(faults::Partition{.side = "n1", .both_ways = false, .lasts = seconds(60)});
  EXPECT_FALSE(three.reaches("n1", "n2"));
  EXPECT_FALSE(three.reaches("n1", "n3"));
  EXPECT_TRUE(three.reaches("n2", "n1"));
  EXPECT_TRUE(three.reaches("n2", "n3"));
  three.nemesis->heal();
  EXPECT_TRUE(three.reaches("n1", "n2"));
}

TEST(Nemesis, LeavesABridgeBetweenTwoHalves) {
  Three three;
  three.inflict(faults::Bridge{.host = "n2", .side = "n1", .lasts = seconds(5)});
  EXPECT_FALSE(three.reaches("n1", "n3"));
  EXPECT_FALSE(three.reaches("n3", "n1"));
  EXPECT_TRUE(three.reaches("n1", "n2"));
  EXPECT_TRUE(three.reaches("n3", "n2"));
  three.run(seconds(6));
  EXPECT_TRUE(three.reaches("n1", "n3"));
}

TEST(Nemesis, SwizzlesTheFirstToFallSilentBackLast) {
  Three three;
  three.inflict(faults::Swizzle{.hosts = "n1 n2 n3", .every = seconds(1)});
  EXPECT_FALSE(three.reaches("n1", "n2"));
  EXPECT_TRUE(three.reaches("n2", "n3"));
  three.run(milliseconds(2500));  // all silent: at 0, 1 and 2 s
  EXPECT_FALSE(three.reaches("n2", "n3"));
  three.run(seconds(1));  // 3.5 s: n3 is back, but there is nobody to talk to
  EXPECT_FALSE(three.reaches("n3", "n2"));
  three.run(seconds(1));  // 4.5 s: n2 too
  EXPECT_TRUE(three.reaches("n3", "n2"));
  EXPECT_FALSE(three.reaches("n1", "n2"));
  three.run(seconds(1));
  EXPECT_TRUE(three.reaches("n1", "n2"));
}

TEST(Nemesis, FlapsALink) {
  Three three;
  three.inflict(faults::Flap{.from = "n1", .to = "n2", .every = seconds(2), .lasts = seconds(9)});
  std::string seen;
  for (int i = 0; i < 12; ++i) {
    three.run(i == 0 ? Duration(milliseconds(500)) : Duration(seconds(1)));
    seen += three.reaches("n1", "n2") ? '+' : '-';
  }
  EXPECT_EQ(seen, "-+-+-+-+-+++");
}

TEST(Nemesis, BlacksOutEveryMachineAndBringsThemBack) {
  Three three;
  three.inflict(faults::Blackout{.restart_after = seconds(1)});
  for (const auto& host : three.universe.hosts()) EXPECT_FALSE(host->powered());
  three.run(seconds(2));
  for (const auto& host : three.universe.hosts()) EXPECT_TRUE(host->up());
}

TEST(Nemesis, CrashesAgainWhileTheProcessStarts) {
  Three three;
  three.inflict(faults::CrashLoop{.host = "n2", .times = 3, .within = milliseconds(40)});
  three.run(seconds(1));
  EXPECT_EQ(three.universe.host("n2").crashes(), 3U);
  EXPECT_TRUE(three.universe.host("n2").up());
}

TEST(Nemesis, WobblesAWallClockAndSetsItRight) {
  Three three;
  HostClocks& clocks = three.universe.host("n1").clocks();
  const WallTime before = clocks.wall(0);
  three.inflict(faults::ClockWobble{
      .host = "n1", .by = seconds(3), .every = milliseconds(100), .lasts = milliseconds(350)});
  EXPECT_EQ(before - clocks.wall(0), seconds(3));
  three.run(milliseconds(100));
  EXPECT_EQ(before, clocks.wall(0));
  three.run(seconds(1));
  EXPECT_EQ(before, clocks.wall(0));
}

TEST(Nemesis, MakesADiskStallAndItsWritesFail) {
  Three three;
  std::vector<std::string> told;
  three.inflict(faults::DiskStall{.host = "n1", .lasts = seconds(2)});
  three.universe.host("n1").disk().fail_next_writes(1);
  three.universe.host("n1").crash(Death::process_crash);
  three.universe.host("n1").start(on_shard_0([&](io::World& world) {
    auto file = world.disk.open("a", io::Open::create);
    ASSERT_TRUE(file);
    told.push_back((*file)->write(0, as_bytes("one")) ? "written" : "failed");
    told.push_back((*file)->write(0, as_bytes("two")) ? "written" : "failed");
  }));
  three.run(seconds(1));
  EXPECT_TRUE(told.empty());  // the disk says nothing
  three.run(seconds(2));
  EXPECT_EQ(told, (std::vector<std::string>{"failed", "written"}));
}

TEST(Nemesis, LosesDataOnlyWithinTheBudget) {
  Three three;
  DiskStore& disk = three.universe.host("n1").disk();
  const auto file = disk.open("a", io::Open::create);
  ASSERT_TRUE(file);
  ASSERT_TRUE(disk.write(*file, 0, "precious"));
  ASSERT_TRUE(disk.sync(*file, disk.write_number()));
  ASSERT_TRUE(disk.sync_folder(""));
  three.inflict(faults::BitRot{.host = "n1", .where = 3, .bits = 2});
  EXPECT_EQ(three.nemesis->inflicted(), 0U);
  EXPECT_EQ(disk.durable_bytes("a"), "precious");
  three.budget.add_set("copies", {"n1", "n2", "n3"}, 1);
  three.inflict(faults::BitRot{.host = "n1", .where = 3, .bits = 2});
  EXPECT_EQ(three.nemesis->inflicted(), 1U);
  EXPECT_NE(disk.durable_bytes("a"), "precious");
  EXPECT_EQ(disk.durable_bytes("a")->size(), 8U);
  three.inflict(faults::WipeDisk{.host = "n1", .restart_after = milliseconds(1)});
  three.run(seconds(1));
  EXPECT_EQ(three.universe.host("n1").disk().durable_bytes("a"), std::nullopt);
  EXPECT_TRUE(three.universe.host("n1").up());
  three.inflict(faults::WipeDisk{.host = "n2"});
  EXPECT_EQ(three.nemesis->inflicted(), 0U);
}

TEST(Nemesis, WaitsForAnEventOrForAMark) {
  Three three;
  three.nemesis = std::make_unique<Nemesis>(
      three.universe, three.budget,
      faults::Schedule{{.on_event = 20, .fault = faults::Pause{.host = "n1"}},
                       {.at = milliseconds(10),
                        .on_mark = "third",
                        .nth = 3,
                        .fault = faults::PowerLoss{.host = "$self", .restart_after = seconds(9)}}});
  three.nemesis->begin();
  three.universe.host("n2").crash(Death::process_crash);
  three.universe.host("n2").start(on_shard_0([](io::World& world) {
    for (int i = 0; i < 40; ++i) {
      if (i % 10 == 0) world.trace.event(io::Level::debug, "third");
      if (!world.fibers.sleep_until(world.fibers.now() + milliseconds(5))) return;
    }
  }));
  three.run(milliseconds(100));
  EXPECT_EQ(three.nemesis->inflicted(), 1U);  // the event has come, the mark but twice
  EXPECT_TRUE(three.universe.host("n2").up());
  three.run(milliseconds(100));
  EXPECT_EQ(three.nemesis->inflicted(), 2U);
  EXPECT_FALSE(three.universe.host("n2").up());
  EXPECT_TRUE(three.universe.host("n3").up());
}

}  // namespace
}  // namespace perdure::sim
