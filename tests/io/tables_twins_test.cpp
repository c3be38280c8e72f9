// The tables of both hosts, three ways: RocksDB on the operating system's files, RocksDB on
// a simulated disk, and the maps that stand for it in most seeds.
#include <filesystem>

#include "engine/base/check.h"
#include "engine/rocks/database.h"
#include "net/loop/loop.h"
#include "net/loop/offload.h"
#include "sim/world/guests.h"
#include "sim/world/host.h"
#include "sim/world/shard.h"
#include "sim/world/universe.h"
#include "tests/io/tables_conformance.h"
#include "tests/net/temporary_folder.h"

namespace tests {
namespace {

class OnPool : public rocks::Offload {
 public:
  explicit OnPool(net::Offload& offload) : offload_(offload) {}
  void run(std::move_only_function<void()> job) override { offload_.run(std::move(job)); }

 private:
  net::Offload& offload_;
};

class NetTables : public TablesHost {
 public:
  NetTables() { open(); }
  ~NetTables() override {
    close();
    pool_.stop();
  }
  void run(std::move_only_function<void()> body) override {
    net::Loop& loop = *loop_;
    loop.scheduler.spawn_root("test", [&loop, body = std::move(body)]() mutable {
      body();
      loop.stop();
    });
    loop.run();
    // A loop that was stopped stays so; the next body has one of its own.
    close();
    open();
  }
  io::Tables& tables() override { return *front_; }
  void restart() override {
    close();
    database_.reset();
    open();
  }

 private:
  void open() {
    if (!database_) {
      auto database =
          rocks::Database::open({.data_folder = folder_.path(), .file_bytes = 64 << 10});
      ASSERT_TRUE(database) << database.error().detail;
      database_ = std::move(*database);
    }
    loop_ = std::make_unique<net::Loop>();
    offload_ = std::make_unique<net::Offload>(*loop_, pool_);
    on_pool_ = std::make_unique<OnPool>(*offload_);
    front_ = database_->front(*on_pool_);
  }
  void close() {
    front_.reset();
    on_pool_.reset();
    offload_.reset();
    loop_.reset();
  }

  net::TemporaryFolder folder_;
  net::Pool pool_{"tables", 2};
  std::unique_ptr<rocks::Database> database_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<net::Offload> offload_;
  std::unique_ptr<OnPool> on_pool_;
  std::unique_ptr<io::Tables> front_;
};

class SimTables : public TablesHost {
 public:
  explicit SimTables(bool rocks)
      : universe_({.seed = 1, .rocks = rocks}), host_(universe_.add_host({.name = "n1"})) {
    host_.start([](std::span<const io::World>) { return std::make_unique<sim::Guest>(); });
  }
  void run(std::move_only_function<void()> body) override {
    bool ended = false;
    host_.shard(0).spawn_root("test", [&ended, body = std::move(body)]() mutable {
      body();
      ended = true;
    });
    const sim::Nanos limit = universe_.loop.now() + 24ull * 3600 * sim::second;
    const bool in_time = universe_.run_until(limit, [&ended] { return ended; });
    EXPECT_TRUE(in_time) << universe_.waiting();
  }
  io::Tables& tables() override { return host_.shard(0).world().tables; }
  void restart() override {
    host_.crash(sim::Death::power_loss);
    host_.restart();
  }

 private:
  sim::Universe universe_;
  sim::Host& host_;
};

std::unique_ptr<TablesHost> rocks_on_net() { return std::make_unique<NetTables>(); }
std::unique_ptr<TablesHost> rocks_on_sim() { return std::make_unique<SimTables>(true); }
std::unique_ptr<TablesHost> maps_on_sim() { return std::make_unique<SimTables>(false); }

INSTANTIATE_TEST_SUITE_P(RocksOnNet, TablesConformance, testing::Values(&rocks_on_net));
INSTANTIATE_TEST_SUITE_P(RocksOnSim, TablesConformance, testing::Values(&rocks_on_sim));
INSTANTIATE_TEST_SUITE_P(MapsOnSim, TablesConformance, testing::Values(&maps_on_sim));

}  // namespace
}  // namespace tests
