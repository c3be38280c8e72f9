#include "sim/disk/disk_store.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace perdure::sim {
namespace {

constexpr std::uint64_t capacity = 1 << 20;

TEST(DiskStore, KeepsWhatWasSyncedWithItsName) {
  DiskStore disk(1, 1, capacity);
  ASSERT_TRUE(disk.make_folder("log"));
  ASSERT_TRUE(disk.sync_folder(""));
  const auto file = disk.open("log/1", io::Open::create_new);
  ASSERT_TRUE(file);
  ASSERT_TRUE(disk.write(*file, 0, "hello"));
  ASSERT_TRUE(disk.sync(*file, disk.write_number()));
  ASSERT_TRUE(disk.sync_folder("log"));
  ASSERT_TRUE(disk.write(*file, 5, " world"));
  disk.power_loss();
  const auto bytes = disk.bytes("log/1");
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(bytes->starts_with("hello"));
}

TEST(DiskStore, ANameWithoutASyncedFolderMayVanish) {
  int there = 0;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    DiskStore disk(seed, 1, capacity);
    const auto file = disk.open("a", io::Open::create);
    ASSERT_TRUE(file && disk.write(*file, 0, "x") && disk.sync(*file, disk.write_number()));
    disk.power_loss();
    if (disk.bytes("a")) ++there;
  }
  EXPECT_GT(there, 8);
  EXPECT_LT(there, 56);
}

TEST(DiskStore, AFailedSyncLeavesItsBytesInDoubtForEver) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    DiskStore disk(seed, 1, capacity);
    const auto file = disk.open("a", io::Open::create);
    ASSERT_TRUE(file && disk.sync_folder("") && disk.write(*file, 0, "x"));
    disk.fail_sync(*file, disk.write_number());
    EXPECT_EQ(disk.bytes("a"), "x");
    ASSERT_TRUE(disk.sync(*file, disk.write_number()));
    disk.power_loss();
    if (disk.bytes("a") != "x") ++lost;
  }
  EXPECT_GT(lost, 8);
  EXPECT_LT(lost, 56);
}

TEST(DiskStore, IsFullInBytesAndForAWhile) {
  DiskStore disk(1, 1, 10);
  const auto file = disk.open("a", io::Open::create);
  ASSERT_TRUE(file && disk.write(*file, 0, "0123456789"));
  EXPECT_EQ(disk.write(*file, 10, "x").error().code, Code::full);
  EXPECT_TRUE(disk.write(*file, 0, "overwrites need no room" + std::string()).error().code ==
              Code::full);
  EXPECT_TRUE(disk.write(*file, 0, "9876543210"));
  ASSERT_TRUE(disk.truncate(*file, 2));
  disk.full_until(100);
  EXPECT_EQ(disk.write(*file, 2, "x").error().code, Code::full);
  disk.set_now(100);
  EXPECT_TRUE(disk.write(*file, 2, "x"));
}

// Every synced byte survives, unless a later unsynced write went over it: then it is
// the old one or one of the new ones.  Every other byte is one of those written, or 0.
RC_GTEST_PROP(DiskStore, SyncedBytesSurviveAndOthersAreSomethingThatWasWritten,
              (std::uint64_t seed)) {
  DiskStore disk(seed, 1, capacity);
  const auto file = disk.open("a", io::Open::create);
  RC_ASSERT(file.has_value() && disk.sync_folder("").has_value());
  constexpr std::size_t span = 4096;
  std::vector<std::string> possible(span, std::string(1, '\0'));  // at each place
  std::string live;
  std::size_t synced_size = 0;
  const int steps = *rc::gen::inRange(1, 30);
  for (int step = 0; step < steps; ++step) {
    if (*rc::gen::inRange(0, 4) == 0) {
      RC_ASSERT(disk.sync(*file, disk.write_number()).has_value());
      for (std::size_t i = 0; i < live.size(); ++i) possible[i] = std::string(1, live[i]);
      synced_size = live.size();
      continue;
    }
    const auto at = *rc::gen::inRange<std::size_t>(0, span);
    const auto size = *rc::gen::inRange<std::size_t>(1, span - at + 1);
    const std::string bytes(size, static_cast<char>('a' + step % 26));
    RC_ASSERT(disk.write(*file, at, bytes).has_value());
    if (live.size() < at + size) live.resize(at + size);
    live.replace(at, size, bytes);
    for (std::size_t i = at; i < at + size; ++i) possible[i] += bytes[0];
  }
  RC_ASSERT(disk.bytes("a") == live);
  disk.power_loss();
  const std::string after = *disk.bytes("a");
  RC_ASSERT(after.size() >= synced_size);
  for (std::size_t i = 0; i < after.size(); ++i) {
    RC_ASSERT(possible[i].find(after[i]) != std::string::npos);
  }
}

// The same for names: what sync_folder() saw survives unless it was changed since.
RC_GTEST_PROP(DiskStore, SyncedNamesSurvive, (std::uint64_t seed)) {
  DiskStore disk(seed, 1, capacity);
  std::map<std::string, bool> synced, live;  // name: there
  std::map<std::string, bool> touched;
  const int steps = *rc::gen::inRange(1, 40);
  for (int step = 0; step < steps; ++step) {
    const std::string name(1, *rc::gen::inRange('a', 'f'));
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        const auto file = disk.open(name, io::Open::create);
        RC_ASSERT(file.has_value());
        disk.release(*file);
        if (!live[name]) touched[name] = true;
        live[name] = true;
        break;
      }
      case 1: {
        RC_ASSERT(disk.remove(name).has_value() == live[name]);
        if (live[name]) touched[name] = true;
        live[name] = false;
        break;
      }
      case 2: {
        const std::string to(1, *rc::gen::inRange('a', 'f'));
        RC_ASSERT(disk.rename(name, to).has_value() == live[name]);
        if (!live[name] || name == to) break;
        touched[name] = touched[to] = true;
        live[name] = false;
        live[to] = true;
        break;
      }
      default:
        RC_ASSERT(disk.sync_folder("").has_value());
        synced = live;
        touched.clear();
    }
  }
  disk.power_loss();
  for (const auto& [name, there] : synced) {
    if (!touched[name]) RC_ASSERT(disk.bytes(name).has_value() == there);
  }
}

}  // namespace
}  // namespace perdure::sim
