#include "net/parts.h"

#include <gtest/gtest.h>

#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/tables.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

TEST(Parts, AWorldAnswersOverHttpAndKeepsRows) {
  const TemporaryFolder folder;
  Parts parts;
  auto process = Process::make({.shards = 2, .data_dir = folder.path()}, parts.factories());
  ASSERT_TRUE(process) << process.error().detail;
  (*process)->for_each_shard([&](std::uint32_t shard, io::World& world) {
    const Instant soon = world.clock.steady() + std::chrono::seconds(20);
    auto server = world.http.serve("127.0.0.1:0", {}, [](io::Exchange& exchange) {
      exchange.respond({.status = 200, .headers = {}}, "shard says " + exchange.request().target);
    });
    ASSERT_TRUE(server) << server.error().detail;
    const io::HttpTarget target = {.scheme = "http", .authority = (*server)->address()};
    auto call = world.http.call(target, {.method = "GET", .target = "/hi"}, soon);
    ASSERT_TRUE(call) << call.error().detail;
    (*call)->finish();
    const auto response = (*call)->response(soon);
    ASSERT_TRUE(response) << response.error().detail;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ((*call)->read(soon).value_or("?"), "shard says /hi");
    call->reset();
    (*server)->stop(soon);

    const std::string name = "partition-" + std::to_string(shard);
    auto family = world.tables.open(name);
    ASSERT_TRUE(family) << family.error().detail;
    EXPECT_FALSE((*family)->get("absent").value().has_value());
  });
  ASSERT_NE(parts.database(), nullptr);
  EXPECT_FALSE(parts.database()->broken().has_value());
  (*process)->stop();
}

}  // namespace
}  // namespace perdure::net
