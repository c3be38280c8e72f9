#include "engine/wal/wal.h"

#include <gtest/gtest.h>

#include "tests/engine/wal/wal_node.h"

namespace perdure::wal {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string record(std::uint64_t n, std::size_t size = 20) {
  std::string bytes = "record " + std::to_string(n) + " ";
  while (bytes.size() < size) bytes += static_cast<char>('a' + bytes.size() % 26);
  return bytes;
}

TEST(Wal, BeginsEmptyAndSmall) {
  WalNode node;
  node.start();
  EXPECT_TRUE(node.wal->loglets().empty());
  EXPECT_EQ(node.disk.bytes(node.only_segment()).size(), node.options.first_segment_bytes);
}

TEST(Wal, ReadsBackWhatWasAppendedBeforeAndAfterItIsDurable) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    const auto at = node.append(7, 1, "one");
    ASSERT_TRUE(at);
    EXPECT_FALSE(*at < node.wal->durable());
    EXPECT_EQ(node.read(7, 1), "one");
    EXPECT_TRUE(node.wal->wait_durable(*at));
    EXPECT_TRUE(*at < node.wal->durable());
    EXPECT_EQ(node.read(7, 1), "one");
    EXPECT_EQ(node.read(7, 2), "not_found!");
    EXPECT_EQ(node.read(8, 1), "not_found!");
  }));
}

TEST(Wal, WhatGathersInATurnCostsOneSync) {
  WalNode node;
  node.start();
  node.loop->run_for(seconds(1));
  const std::uint64_t before = node.trace.counts["wal.syncs"];
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = 1; n <= 5; ++n) ASSERT_TRUE(node.append(n, 1, record(n)));
    node.loop->fibers.yield();
    const auto last = node.append(6, 1, "while the first batch is written");
    ASSERT_TRUE(last);
    EXPECT_TRUE(node.wal->wait_durable(*last));
  }));
  EXPECT_EQ(node.trace.counts["wal.syncs"], before + 2);
}

TEST(Wal, TellsListenersOfTheirOwnLogletOnly) {
  WalNode node;
  node.start();
  Heard seven, eight;
  node.wal->listen(LogletId(7), seven);
  node.wal->listen(LogletId(8), eight);
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.append(7, 1, "a"));
    ASSERT_TRUE(node.append(7, 2, "b"));
    EXPECT_EQ(seven.last(7), Offset(0));
    ASSERT_TRUE(node.write(9, 1, "c"));
  }));
  EXPECT_EQ(seven.last(7), Offset(2));
  EXPECT_EQ(eight.last(8), Offset(0));
}

TEST(Wal, ComesBackAsItWas) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = 1; n <= 40; ++n)
      ASSERT_TRUE(node.write(n % 3 + 1, (n + 2) / 3, record(n)));
    ASSERT_TRUE(node.wal->seal(LogletId(1)));
    const auto at = node.wal->trim(LogletId(2), Offset(5));
    ASSERT_TRUE(at);
    ASSERT_TRUE(node.wal->wait_durable(*at));
  }));
  const auto before = node.wal->loglets();
  node.lose_power();
  node.start();
  EXPECT_EQ(node.wal->loglets(), before);
  EXPECT_TRUE(node.wal->find(LogletId(1))->sealed);
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.read(2, 5), "not_found!");
    EXPECT_EQ(node.read(2, 6), record(16));
  }));
  node.wal->check_invariants();
}

TEST(Wal, RollsOverManySegmentsAndRecyclesThem) {
  WalNode node;
  node.start();
  std::uint64_t offset = 0;
  ASSERT_TRUE(node.run([&] {
    for (int round = 0; round < 400; ++round) {
      ++offset;
      ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(milliseconds(1))));
      ASSERT_TRUE(node.write(1, offset, record(offset, 1000)));
      if (offset > 20) {
        ASSERT_TRUE(node.wal->trim(LogletId(1), Offset(offset - 20)));
      }
    }
  }));
  EXPECT_LE(node.disk.used(), 5 * node.options.segment_bytes);
  EXPECT_GT(node.trace.events["wal.segment.retired"], 8u);
  node.lose_power();
  node.start();
  EXPECT_EQ(node.wal->find(LogletId(1))->last, Offset(offset));
  EXPECT_EQ(node.wal->missing(LogletId(1)), 0u);
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = offset - 19; n <= offset; ++n)
      EXPECT_EQ(node.read(1, n), record(n, 1000));
  }));
}

// One loglet that is never trimmed may not keep the files of all others alive.
TEST(Wal, CopiesRareSurvivorsForward) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.write(2, 1, "the survivor"));
    ASSERT_TRUE(node.wal->seal(LogletId(2)));
    for (std::uint64_t n = 1; n <= 400; ++n) {
      ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(milliseconds(1))));
      ASSERT_TRUE(node.write(1, n, record(n, 1000)));
      if (n > 5) {
        ASSERT_TRUE(node.wal->trim(LogletId(1), Offset(n - 5)));
      }
    }
  }));
  EXPECT_LE(node.disk.used(), 6 * node.options.segment_bytes);
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(node.wal->find(LogletId(2))->sealed);
    ASSERT_TRUE(node.run([&] { EXPECT_EQ(node.read(2, 1), "the survivor"); }));
    node.lose_power();
    node.start();
  }
}

TEST(Wal, OldFramesAreReadFromDiskAndVerified) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = 1; n <= 60; ++n) {
      ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(milliseconds(1))));
      ASSERT_TRUE(node.write(1, n, record(n, 1000)));
    }
    auto records = node.wal->read(LogletId(1), Offset(1), Offset(60), 1 << 20);
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 60u);
    for (const Record& r : *records) EXPECT_EQ(r.bytes, record(r.offset.raw(), 1000));
  }));
  const std::string first = node.only_segment();
  const std::size_t at = node.disk.bytes(first).find("record 2 ");
  ASSERT_NE(at, std::string::npos);
  node.disk.flip(first, at + 100);
  ASSERT_TRUE(node.run([&] {
    // Windows of other places push the old one out.
    for (std::uint64_t n = 10; n <= 30; ++n) EXPECT_EQ(node.read(1, n), record(n, 1000));
    const auto rotten = node.wal->read(LogletId(1), Offset(2), Offset(2), 1);
    ASSERT_FALSE(rotten);
    EXPECT_EQ(rotten.error().code, Code::corrupt);
    EXPECT_NE(rotten.error().detail.find("segment 1, byte "), std::string::npos);
    EXPECT_EQ(node.read(1, 3), record(3, 1000));
  }));
}

TEST(Wal, RotInTheMiddleIsNeverTakenForTheTail) {
  for (std::uint64_t n = 1; n <= 9; ++n) {
    WalNode node(n);
    node.start();
    ASSERT_TRUE(node.run([&] {
      for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(node.write(1, i, record(i)));
    }));
    node.lose_power();
    const std::string path = node.only_segment();
    const std::size_t at = node.disk.bytes(path).find("record " + std::to_string(n) + " ");
    node.disk.flip(path, at + 3);
    EXPECT_FALSE(node.try_start());
    EXPECT_EQ(node.error.substr(0, 8), "corrupt:") << n;
    EXPECT_NE(node.error.find("does not verify"), std::string::npos) << node.error;
  }
}

// The mark of a later frame tells; without one the last batch cannot be told from a torn
// tail.  That is one copy's data lost, which replication has to bear.
TEST(Wal, RotInTheLastBatchLooksLikeATornTail) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(node.write(1, i, record(i)));
  }));
  node.lose_power();
  const std::string path = node.only_segment();
  node.disk.flip(path, node.disk.bytes(path).find("record 3 "));
  node.start();
  EXPECT_EQ(node.wal->find(LogletId(1))->last, Offset(2));
}

TEST(Wal, ALostSegmentIsNamed) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = 1; n <= 100; ++n) {
      ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(milliseconds(1))));
      ASSERT_TRUE(node.write(1, n, record(n, 1000)));
    }
  }));
  node.lose_power();
  ASSERT_TRUE(node.run([&] { ASSERT_TRUE(node.disk.remove("wal/0/00000002.segment")); }));
  EXPECT_FALSE(node.try_start());
  EXPECT_EQ(node.error, "corrupt: segment 2 is missing: segment 1 names it as the next");
}

TEST(Wal, AnotherStreamsSegmentsAreRefused) {
  WalNode node;
  node.start();
  node.lose_power();
  node.options.stream_id = 99;
  EXPECT_FALSE(node.try_start());
  EXPECT_EQ(node.error, "corrupt: wal/0/00000001.segment: belongs to another data directory");
}

TEST(Wal, AFailedSyncEndsItForThisProcess) {
  WalNode node;
  node.start();
  node.loop->run_for(seconds(1));
  Heard heard;
  node.wal->listen(LogletId(1), heard);
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.write(1, 1, "safe"));
    node.disk.fail_syncs(1);
    const auto at = node.append(1, 2, "in doubt");
    ASSERT_TRUE(at);
    const auto waited = node.wal->wait_durable(*at);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, Code::failed);
    const auto refused = node.append(1, 3, "after");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::failed);
    EXPECT_EQ(node.read(1, 1), "safe");  // reads go on
  }));
  EXPECT_EQ(heard.last(1), Offset(1));
  EXPECT_NE(heard.failure, "");
  EXPECT_EQ(node.trace.events["wal.failed"], 1u);
  EXPECT_TRUE(node.wal->failed());
}

// The kernel may show bytes of a failed sync that it no longer means to write.  Who finds
// them at recovery must write them again, or a later power loss takes what he promised.
TEST(Wal, WhatRecoveryFindsAfterAFailedSyncIsWrittenAgain) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    WalNode node(seed);
    node.start();
    node.loop->run_for(seconds(1));
    ASSERT_TRUE(node.run([&] {
      node.disk.fail_syncs(1);
      const auto at = node.append(1, 1, "in doubt");
      ASSERT_TRUE(at);
      EXPECT_FALSE(node.wal->wait_durable(*at));
    }));
    node.kill();
    node.start();
    ASSERT_EQ(node.wal->find(LogletId(1))->last, Offset(1));
    node.lose_power();
    node.start();
    ASSERT_TRUE(node.wal->find(LogletId(1)).has_value()) << seed;
    EXPECT_EQ(node.wal->find(LogletId(1))->last, Offset(1)) << seed;
  }
}

TEST(Wal, AFullDiskRefusesNewWorkFirstAndRecovers) {
  WalNode node;
  node.start();
  node.loop->run_for(seconds(1));
  node.disk.limit(node.disk.used());
  std::uint64_t offset = 0;
  const auto fill = [&](Admission admission, std::size_t bytes = 500) {
    while (true) {
      const auto at = node.append(1, offset + 1, record(offset + 1, bytes), admission);
      if (!at && at.error().code == Code::retry_later) {
        (void)node.loop->fibers.sleep_until(node.loop->in(seconds(1)));
        continue;
      }
      if (!at) return std::string(name_of(at.error().code));
      ++offset;
    }
  };
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(fill(Admission::ordinary), "full");
    const std::uint64_t ordinary = offset;
    EXPECT_EQ(fill(Admission::finishing), "full");
    EXPECT_GT(offset, ordinary + 3);
    const std::uint64_t finishing = offset;
    EXPECT_EQ(fill(Admission::reserved, 1), "full");
    EXPECT_GT(offset, finishing + 1);
    // Whatever else there is, what frees space has room.
    const auto at = node.wal->trim(LogletId(1), Offset(offset));
    ASSERT_TRUE(at);
    ASSERT_TRUE(node.wal->wait_durable(*at));
    ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(seconds(2))));
    // The files that were freed are recycled, first the first, which is small, and when it is
    // used the large one: no byte more of the disk is needed.
    for (int i = 0; i < 3; ++i) {
      ++offset;
      EXPECT_TRUE(node.append(1, offset, record(offset, 500), Admission::reserved));
    }
    ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(seconds(2))));
    EXPECT_TRUE(node.append(1, offset + 1, record(1, 500)));
  }));
  EXPECT_GE(node.trace.events["wal.no_room"], 1u);
  EXPECT_GE(node.trace.events["wal.room_again"], 1u);
}

std::size_t files_of(const WalNode& node, std::string_view ending) {
  return static_cast<std::size_t>(std::ranges::count_if(
      node.disk.paths(), [&](const std::string& path) { return path.ends_with(ending); }));
}

TEST(Wal, ADiskWithRoomForASmallSegmentTakesWorkAgain) {
  WalNode node;
  node.start();
  node.loop->run_for(seconds(1));
  node.disk.limit(node.disk.used());
  std::uint64_t offset = 0;
  const auto append_until_full = [&] {
    for (;;) {
      const auto at = node.append(1, offset + 1, record(offset + 1, 500));
      if (at) {
        ++offset;
      } else if (at.error().code == Code::retry_later) {
        (void)node.loop->fibers.sleep_until(node.loop->in(seconds(1)));
      } else {
        return at.error().code;
      }
    }
  };
  ASSERT_TRUE(node.run([&] {
    ASSERT_EQ(append_until_full(), Code::full);
    EXPECT_TRUE(node.wal->is_full());
    ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(seconds(5))));
    const std::uint64_t effects = node.disk.effects();
    ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(seconds(60))));
    EXPECT_EQ(node.disk.effects(), effects);  // it looks, and writes nothing
    EXPECT_EQ(files_of(node, ".new"), 0u);

    // 8 KiB for a segment, and as much for the tables.
    node.disk.limit(node.disk.used() + (16 << 10));
    ASSERT_TRUE(node.loop->fibers.sleep_until(node.loop->in(seconds(3))));
    ASSERT_TRUE(node.write(1, offset + 1, record(offset + 1, 500)));
    EXPECT_TRUE(node.wal->is_full());  // for a whole one there is no room yet
    const auto large = node.append(1, offset + 2, std::string(node.wal->record_bytes_max(), 'L'));
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, Code::full);
  }));
  EXPECT_EQ(node.trace.events["wal.smaller_segment"], 1u);
  EXPECT_EQ(node.trace.events["wal.no_room"], 1u);
}

TEST(Wal, WhoWaitsForRoomIsToldWhenThereIsNone) {
  Options options = tiny_options();
  options.bytes_max = 80 << 10;
  int told = 0;
  options.became_full = [&told] { ++told; };
  WalNode node(1, options);
  node.start();
  node.loop->run_for(seconds(1));
  EXPECT_FALSE(node.wal->is_full());
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t offset = 1; !node.wal->is_full() && offset < 500; ++offset) {
      ASSERT_TRUE(node.write(1, offset, record(offset, 500)));
    }
  }));
  EXPECT_TRUE(node.wal->is_full());
  EXPECT_EQ(told, 1);
}

TEST(Wal, TooLargeARecordIsTheCallersMistake) {
  WalNode node;
  node.start();
  const auto at = node.append(1, 1, std::string(node.wal->record_bytes_max() + 1, 'x'));
  ASSERT_FALSE(at);
  EXPECT_EQ(at.error().code, Code::invalid);
}

TEST(Wal, ALargeRecordIsABatchOfItsOwn) {
  WalNode node;
  node.start();
  node.loop->run_for(seconds(1));
  const std::string large(node.wal->record_bytes_max(), 'L');
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.append(1, 1, "before"));
    ASSERT_TRUE(node.wal->wait_durable(*node.append(1, 2, "small")));
    ASSERT_TRUE(node.write(1, 3, large));
    ASSERT_TRUE(node.write(1, 4, "after"));
  }));
  node.lose_power();
  node.start();
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.read(1, 3), large);
    EXPECT_EQ(node.read(1, 4), "after");
  }));
}

TEST(Wal, StopWritesWhatHasGathered) {
  WalNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.append(1, 1, "last words"));
    node.wal->stop();
  }));
  node.lose_power();
  node.start();
  ASSERT_TRUE(node.run([&] { EXPECT_EQ(node.read(1, 1), "last words"); }));
}

}  // namespace
}  // namespace perdure::wal
