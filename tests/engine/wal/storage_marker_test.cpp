#include "engine/wal/storage_marker.h"

#include <gtest/gtest.h>

#include "host/manual_loop.h"
#include "tests/support/crash_disk.h"

namespace perdure::wal {
namespace {

const StorageMarker ours{.cluster = "orders", .node = NodeId(1), .streams = 2, .id = 0x7f3a};

class StorageMarkerTest : public testing::Test {
 protected:
  Result<OpenedMarker> open(const StorageMarker& marker) {
    Result<OpenedMarker> opened = fail(Code::failed, "never opened");
    loop.run([&] { opened = open_marker(disk, marker); });
    return opened;
  }
  std::string refusal(const StorageMarker& marker) {
    const auto opened = open(marker);
    return opened ? "opened"
                  : std::string(name_of(opened.error().code)) + ": " + opened.error().detail;
  }

  host::ManualLoop loop;
  tests::CrashDisk disk{loop.fibers, 1};
};

TEST_F(StorageMarkerTest, FreshOnceThenFoundAgain) {
  const auto first = open(ours);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->fresh);
  disk.lose_power();
  StorageMarker later = ours;
  later.streams = 8, later.id = 5;  // for a fresh start only
  const auto second = open(later);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->fresh);
  EXPECT_EQ(second->marker, ours);
}

TEST_F(StorageMarkerTest, KeepsTheFingerprintOfTheClusterAndDoesWithout) {
  EXPECT_EQ(encode_marker(ours).find("fingerprint"), std::string::npos);
  EXPECT_EQ(decode_marker(encode_marker(ours)).value(), ours);
  StorageMarker known = ours;
  known.fingerprint = 0x3b1c;
  ASSERT_TRUE(open(known));
  const auto found = open(ours);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->marker, known);
}

TEST_F(StorageMarkerTest, RefusesWhatIsNotOurs) {
  ASSERT_TRUE(open(ours));
  StorageMarker other = ours;
  other.cluster = "bills";
  EXPECT_EQ(
      refusal(other),
      "conflict: the data directory belongs to cluster 'orders', this node is of cluster 'bills'");
  other = ours;
  other.node = NodeId(2);
  EXPECT_EQ(refusal(other), "conflict: the data directory belongs to node 1, this is node 2");
}

TEST_F(StorageMarkerTest, RefusesAnotherVersionAndDamage) {
  std::string text = encode_marker(ours);
  disk.put("storage-marker", "perdure storage\nversion 2\nsomething new\n");
  EXPECT_EQ(refusal(ours),
            "invalid: the data directory is of version 2, this program knows version 1");
  text[text.find("streams 2") + 8] = '3';
  disk.put("storage-marker", text);
  EXPECT_EQ(refusal(ours).substr(0, 8), "corrupt:");
  disk.put("storage-marker", "");
  EXPECT_EQ(refusal(ours).substr(0, 8), "corrupt:");
}

TEST_F(StorageMarkerTest, ALogWithoutAMarkerWasNotAFreshStart) {
  disk.put("wal/0/00000001.segment", "bytes");
  EXPECT_EQ(refusal(ours).substr(0, 8), "corrupt:");
}

TEST_F(StorageMarkerTest, ACrashWhileItIsWrittenLeavesAFreshDirectory) {
  for (std::uint64_t k = 1; k <= 6; ++k) {
    auto first = std::make_unique<host::ManualLoop>();
    tests::CrashDisk broken(first->fibers, k);
    broken.crash_at(k);
    first->run([&] { (void)open_marker(broken, ours); });
    first->scheduler.kill_all();
    broken.run_on(loop.fibers);
    broken.lose_power();
    loop.run([&] {
      const auto opened = open_marker(broken, ours);
      ASSERT_TRUE(opened) << k << ": " << opened.error().detail;
      EXPECT_EQ(opened->marker, ours);
    });
  }
}

}  // namespace
}  // namespace perdure::wal
