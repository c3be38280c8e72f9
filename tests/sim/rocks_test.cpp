// RocksDB on a simulated disk: one thread, one order, the same bytes for the same seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "engine/base/bytes.h"
#include "engine/io/tables.h"
#include "sim/disk/disk_store.h"
#include "sim/rocks/disk_env.h"
#include "sim/rocks/machine.h"
#include "sim/world/guests.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

using Rows = std::map<std::string, std::string>;

// A run of which every row says its number: torn, it would show two.
Rows rows_of(std::uint64_t number) {
  Rows rows;
  for (std::uint64_t i = 0; i < 200; ++i) {
    rows["row" + std::to_string(i)] = std::to_string(number) + " " + std::string(i, 'x');
  }
  return rows;
}

Result<void> ingest(io::Family& family, const Rows& rows) {
  io::Run run;
  for (const auto& [key, value] : rows) run.changes.push_back({.key = key, .value = value});
  return family.ingest(std::move(run));
}

// Ingests until it is killed; says what was said to be durable.
Factory ingester(std::uint64_t& durable) {
  return on_shard_0([&durable](io::World& world) {
    auto family = world.tables.open("partition-1");
    ASSERT_TRUE(family) << family.error().detail;
    for (std::uint64_t number = durable + 1;; ++number) {
      const Result<void> done = ingest(**family, rows_of(number));
      ASSERT_TRUE(done) << done.error().detail;
      durable = number;
      if (!world.fibers.sleep_until(world.fibers.now() + std::chrono::milliseconds(1))) return;
    }
  });
}

std::uint64_t number_in(Host& host) {
  std::map<std::string, std::uint64_t> seen;
  host.visit_rows("partition-1", [&seen](const std::string& key, const std::string& value) {
    seen[key] = std::stoull(value);
  });
  if (seen.empty()) return 0;
  for (const auto& [key, number] : seen) EXPECT_EQ(number, seen.begin()->second) << key;
  EXPECT_EQ(seen.size(), 200U);
  return seen.begin()->second;
}

// One life after the other, each cut short at some moment; the digest of all that happened.
std::string lives(std::uint64_t seed, std::uint64_t& last) {
  std::uint64_t durable = 0;
  Universe universe({.seed = seed, .rocks = true});
  Host& host = universe.add_host({.name = "n1"});
  host.start(ingester(durable));
  Dice dice = universe.dice("test.crashes");
  for (int life = 0; life < 12; ++life) {
    const Nanos until = universe.loop.now() + dice.between(20, 400) * 1'000'000;
    universe.loop.run(until);
    host.crash(dice.chance(0.7) ? Death::power_loss : Death::process_crash);
    host.restart();
    // Opened by the first call: wait for that, then look from outside.
    const std::uint64_t before = durable;
    universe.run_until(universe.loop.now() + 60 * second,
                       [&] { return durable > before || universe.loop.stopped(); });
    EXPECT_GE(number_in(host), before) << "seed " << seed << " life " << life;
  }
  last = durable;
  std::uint64_t bytes = 0;
  const auto files = host.disk().list("tables/db");
  if (files) {
    for (const std::string& file : *files) {
      bytes = hash64(host.disk().bytes("tables/db/" + file).value_or(""), hash64(file, bytes));
    }
  }
  return universe.loop.digest().hex() + " " + std::to_string(bytes);
}

TEST(RocksOnSimulatedDisk, ARunIsThereWholeOrNotAtAll) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::uint64_t last = 0;
    lives(seed, last);
    EXPECT_GT(last, 50U) << seed;
  }
}

TEST(RocksOnSimulatedDisk, ASeedDoesTheSameToTheLastByte) {
  for (std::uint64_t seed = 10; seed <= 12; ++seed) {
    std::uint64_t one = 0, two = 0;
    EXPECT_EQ(lives(seed, one), lives(seed, two)) << seed;
    EXPECT_EQ(one, two);
  }
}

// A library that is built otherwise would undo it without a word.
TEST(RocksOnSimulatedDisk, TheLibraryStartsNoThreadAndDrawsNothing) {
  std::uint64_t durable = 0;
  Universe universe({.seed = 3, .rocks = true});
  Host& host = universe.add_host({.name = "n1"});
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  const auto before = threads();
  host.start(ingester(durable));
  universe.run_until(60 * second, [&] { return durable >= 20; });
  EXPECT_EQ(threads(), before);
  const auto files = host.disk().list("tables/db");
  ASSERT_TRUE(files);
  EXPECT_TRUE(std::ranges::any_of(*files, [](const auto& name) { return name.ends_with(".sst"); }));
  const auto identity = host.disk().bytes("tables/db/IDENTITY");
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->size(), 20U);  // our form of an id, not the system's
}

}  // namespace
}  // namespace perdure::sim
