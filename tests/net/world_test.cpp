#include "net/world.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "engine/io/http.h"
#include "engine/io/tables.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

// Worlds here are not asked for tables or HTTP: rooms of their own test those.
struct NoHttp : io::Http {
  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view, io::HttpLimits, Serve) override {
    return fail(Code::invalid, "no http here");
  }
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget&, io::Request, Instant) override {
    return fail(Code::invalid, "no http here");
  }
};
struct NoTables : io::Tables {
  Result<std::unique_ptr<io::Family>> open(std::string_view) override {
    return fail(Code::invalid, "no tables here");
  }
  Result<void> drop(std::string_view) override { return {}; }
  Result<void> import_family(std::string_view, std::string_view) override { return {}; }
  Result<std::vector<std::string>> list() override { return {}; }
};

const Factories none = {
    .http = [](const ShardParts&) { return std::make_unique<NoHttp>(); },
    .tables = [](const ShardParts&) { return std::make_unique<NoTables>(); },
};

std::unique_ptr<Process> process_in(const std::string& folder, std::uint32_t shards = 2) {
  auto process = Process::make({.shards = shards, .data_dir = folder}, none);
  EXPECT_TRUE(process) << process.error().detail;
  return std::move(*process);
}

TEST(Process, HasAThreadAShard) {
  const TemporaryFolder folder;
  const auto process = process_in(folder.path(), 3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::set<std::uint32_t> shards;
  process->for_each_shard([&](std::uint32_t shard, io::World& world) {
    const auto slept = world.fibers.sleep_until(world.clock.steady() + 1ms);
    EXPECT_TRUE(slept);
    const std::scoped_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
    shards.insert(shard);
    EXPECT_EQ(world.peers.self().shard, shard);
    EXPECT_EQ(world.peers.shards(), 3U);
    world.trace.count("test.shards");
  });
  EXPECT_EQ(threads.size(), 3U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
  EXPECT_EQ(shards, (std::set<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(process->counters().at("test.shards"), 3U);
}

TEST(Process, FramesPassBetweenShardsInOrder) {
  const TemporaryFolder folder;
  const auto process = process_in(folder.path());
  constexpr int frames = 20'000;
  process->for_each_shard([&](std::uint32_t shard, io::World& world) {
    const io::ShardAddress other = {.node = NodeId(1), .shard = 1 - shard};
    io::Event arrived(world.fibers);
    int expected = 0;
    world.peers.on_frame([&](const io::Origin& from, std::string frame) {
      EXPECT_EQ(from.shard, other);
      EXPECT_EQ(frame, std::to_string(expected));
      ++expected;
      arrived.notify_all();
    });
    for (int i = 0; i < frames; ++i) {
      while (!world.peers.send(other, std::to_string(i))) world.fibers.yield();
      if (i % 100 == 0) world.fibers.yield();
    }
    while (expected < frames) EXPECT_TRUE(arrived.wait(world.clock.steady() + 20s));
    EXPECT_EQ(world.peers.send({.node = NodeId(2)}, "x").error().code, Code::not_found);
  });
}

TEST(Process, OneDataDirectoryOneProcess) {
  const TemporaryFolder folder;
  auto process = process_in(folder.path());
  const auto second = Process::make({.data_dir = folder.path()}, none);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_NE(second.error().detail.find("in use by process " + std::to_string(::getpid())),
            std::string::npos)
      << second.error().detail;
  process.reset();
  EXPECT_TRUE(process_in(folder.path()));
}

TEST(Process, StopsWithFibersInEveryKindOfWait) {
  const TemporaryFolder folder;
  const auto process = process_in(folder.path());
  process->for_each_shard([&](std::uint32_t, io::World& world) {
    auto& scheduler = dynamic_cast<host::Scheduler&>(world.fibers);
    scheduler.spawn_root("waits for ever", [&] { world.fibers.park(io::never); });
    scheduler.spawn_root("accepts", [&] {
      auto listener = world.streams.listen("127.0.0.1:0");
      (void)(*listener)->accept(io::never);
      ADD_FAILURE();
    });
    scheduler.spawn_root("writes", [&] {
      auto file =
          world.disk.open("file" + std::to_string(world.peers.self().shard), io::Open::create);
      const std::string bytes(100'000, 'x');
      for (std::uint64_t at = 0;; at += bytes.size()) {
        EXPECT_TRUE((*file)->write_and_sync(at % 10'000'000, std::as_bytes(std::span(bytes))));
      }
    });
    world.fibers.yield();
  });
  process->stop();
}

TEST(Process, SignalsAndInterruptsEndTheWait) {
  const TemporaryFolder folder;
  const auto process = process_in(folder.path(), 1);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(process->wait_for_signal(), SIGTERM);
  std::thread other([&] { process->interrupt(); });
  EXPECT_EQ(process->wait_for_signal(), 0);
  other.join();
}

TEST(Process, AFactoryThatFailsStopsTheStart) {
  const TemporaryFolder folder;
  Factories broken = none;
  broken.tables = [](const ShardParts&) -> Result<std::unique_ptr<io::Tables>> {
    return fail(Code::corrupt, "tables of another version");
  };
  const auto process = Process::make({.data_dir = folder.path()}, broken);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().detail, "tables of another version");
}

// A sanitizer tells it in its own words.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
int deeper(int depth) {
  volatile char frame[4096] = {};
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : deeper(depth + 1) + frame[0];
}

TEST(ProcessDeathTest, AStackThatOverflowsNamesItsFiber) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const TemporaryFolder folder;
        const auto process = process_in(folder.path(), 1);
        process->for_each_shard([](std::uint32_t, io::World&) { (void)deeper(1); });
      },
      "Segmentation fault in fiber 'main'");
}
#endif

}  // namespace
}  // namespace perdure::net
