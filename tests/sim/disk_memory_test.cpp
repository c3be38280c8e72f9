// What a disk said once, against one that says less: a restart that forgot.
#include "sim/check/disk_memory.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/engine/wal/wal_node.h"

namespace perdure::sim {
namespace {

constexpr NodeId node{1};
constexpr LogletId loglet{7}, later{9};

class DiskMemoryTest : public testing::Test {
 protected:
  void SetUp() override { before.start(), after.start(); }
  // Offsets 1 to `last`, durably.
  void write(wal::WalNode& on, std::uint64_t last, std::uint64_t hole = 0) {
    change(on, [&](wal::Wal& wal) {
      for (std::uint64_t n = 1; n <= last; ++n) {
        if (n == hole) continue;
        ASSERT_TRUE(wal.append({.loglet = loglet, .offset = Offset(n), .bytes = "r"}));
      }
    });
  }
  void change(wal::WalNode& on, const std::function<void(wal::Wal&)>& how) {
    ASSERT_TRUE(on.run([&] {
      how(*on.wal);
      ASSERT_TRUE(on.wal->wait_durable(on.wal->head().prev()));
    }));
  }
  std::optional<std::string> restarted() {
    memory.seen(node, *before.wal);
    memory.back(node, *after.wal);
    return found;
  }

  wal::WalNode before{1}, after{2};
  std::optional<std::string> found;
  DiskMemory memory{[this](Finding finding) {
    if (!found) found = finding.detail;
  }};
};

TEST_F(DiskMemoryTest, MoreIsFine) {
  write(before, 3);
  write(after, 4);
  change(after, [](wal::Wal& wal) { ASSERT_TRUE(wal.trim(loglet, Offset(2))); });
  EXPECT_FALSE(restarted()) << *found;
}

TEST_F(DiskMemoryTest, ASealThatIsGone) {
  write(before, 3), write(after, 3);
  change(before, [](wal::Wal& wal) { ASSERT_TRUE(wal.seal(loglet)); });
  EXPECT_EQ(restarted(), "n1: loglet 7 was sealed and is not");
}

TEST_F(DiskMemoryTest, ATrimThatIsUndone) {
  write(before, 3), write(after, 3);
  change(before, [](wal::Wal& wal) { ASSERT_TRUE(wal.trim(loglet, Offset(2))); });
  EXPECT_EQ(restarted(), "n1: loglet 7 was trimmed up to 2, is up to 0");
}

TEST_F(DiskMemoryTest, AnEndThatIsLower) {
  write(before, 3), write(after, 2);
  EXPECT_EQ(restarted(), "n1: loglet 7 ended at 3, ends at 2");
}

TEST_F(DiskMemoryTest, ARecordThatIsMissing) {
  write(before, 3), write(after, 3, 2);
  EXPECT_EQ(restarted(), "n1: loglet 7 had 2 and lacks it");
}

TEST_F(DiskMemoryTest, ALogletThatIsForgotten) {
  write(before, 3);
  EXPECT_EQ(restarted(), "n1: loglet 7 is forgotten, and no later one is known");
}

TEST_F(DiskMemoryTest, ALogletThatWasReplaced) {
  write(before, 3);
  change(after, [](wal::Wal& wal) { ASSERT_TRUE(wal.trim(later, Offset(0))); });
  EXPECT_FALSE(restarted()) << *found;
}

TEST_F(DiskMemoryTest, ALogletThatWasReplacedAndSealedByWhoHadNotHeard) {
  write(before, 3);
  change(after, [](wal::Wal& wal) {
    ASSERT_TRUE(wal.trim(later, Offset(0)));
    ASSERT_TRUE(wal.seal(loglet));
  });
  EXPECT_FALSE(restarted()) << *found;
}

TEST_F(DiskMemoryTest, AWipedDiskOwesNothing) {
  write(before, 3);
  memory.seen(node, *before.wal);
  memory.wiped(node);
  memory.back(node, *after.wal);
  EXPECT_FALSE(found) << *found;
}

}  // namespace
}  // namespace perdure::sim
