// The lives of a node, on a disk that loses power, tears and refuses.
#include "engine/node/node_files.h"

#include <gtest/gtest.h>

#include "host/manual_loop.h"
#include "tests/support/crash_disk.h"

namespace perdure::node {
namespace {

class NodeFiles : public testing::TestWithParam<std::uint64_t> {
 protected:
  Result<control::NodeLife> begin() {
    Result<control::NodeLife> life = fail(Code::failed, "never begun");
    loop.run([&] { life = next_life(disk); });
    return life;
  }

  host::ManualLoop loop;
  tests::CrashDisk disk{loop.fibers, GetParam()};
};

TEST_P(NodeFiles, EachLifeIsHigherThanAnyBefore) {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    const auto life = begin();
    ASSERT_TRUE(life) << life.error().detail;
    EXPECT_EQ(*life, control::NodeLife(n));
    disk.lose_power();
  }
}

TEST_P(NodeFiles, WhatRotsMayHaveBeenTheLaterOne) {
  ASSERT_TRUE(begin());
  ASSERT_TRUE(begin());  // in life.0
  disk.flip("life.0", 3);
  const auto third = begin();
  ASSERT_TRUE(third) << third.error().detail;
  EXPECT_GT(*third, control::NodeLife(2));
  disk.flip("life.0", 3);
  disk.flip("life.1", 3);
  const auto none = begin();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::corrupt);
}

// Seed 550 of single_node: a sync failed and the process ended, the next one read what would
// not outlive the power, and overwrote what would have.
TEST_P(NodeFiles, OneCanBeReadWhateverFailsAndWhenever) {
  control::NodeLife highest;
  for (std::uint64_t round = 0; round < 60; ++round) {
    const bool sync_fails = round % 2 == 0, dies = round % 2 == 1;
    if (sync_fails) disk.fail_syncs(1 + static_cast<std::uint32_t>(round / 2 % 2));
    if (dies) disk.crash_at(1 + round / 2 % 9);
    const auto life = begin();
    disk.fail_syncs(0);
    if (life && !disk.crashed()) {
      EXPECT_GT(*life, highest);
      highest = *life;
    } else if (!life) {
      EXPECT_EQ(life.error().code, Code::failed) << life.error().detail;
    }
    if (dies) {
      disk.lose_power();
    } else {
      disk.kill_process();
    }
  }
  EXPECT_GT(highest, control::NodeLife(0));
}

INSTANTIATE_TEST_SUITE_P(OnManyDisks, NodeFiles, testing::Range<std::uint64_t>(1, 30));

}  // namespace
}  // namespace perdure::node
