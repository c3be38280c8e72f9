#include "engine/log/log.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/engine/log/log_node.h"

namespace perdure::log {
namespace {

class Told final : public Observer {
 public:
  void committed(Lsn last) override { committed_up_to = last; }
  void ended(const Error& why) override { end = name_of(why.code); }
  Lsn committed_up_to;
  std::string end;
};

TEST(Log, RecordsAreCommittedInOrderFromOneOn) {
  LogNode node(1);
  node.start();
  Log& log = *node.logs[0];
  Told told;
  log.observe(&told);
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(log.append("a").value(), Lsn(1));
    EXPECT_EQ(log.append("b").value(), Lsn(2));
    EXPECT_EQ(log.committed(), Lsn(0));
    EXPECT_TRUE(log.read(Lsn(1), 100).value().empty());  // nothing uncommitted is shown
    EXPECT_TRUE(log.wait_committed(Lsn(2)));
    EXPECT_EQ(node.read_all(log), "a b ");
  }));
  EXPECT_EQ(told.committed_up_to, Lsn(2));
  EXPECT_EQ(log.tail(), Lsn(3));
  log.check_invariants();
}

TEST(Log, TheWindowBoundsWhatIsInFlight) {
  LogNode node(1);
  node.start();
  Log& log = *node.logs[0];
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(log.append("x"));
  const auto refused = log.append("x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::retry_later);
  ASSERT_TRUE(node.run([&] {
    EXPECT_TRUE(log.wait_committed(Lsn(16)));
    EXPECT_TRUE(log.append("x"));
  }));
}

TEST(Log, ARestartSealsAndExtendsAllChainsInOneChange) {
  LogNode node(24);
  node.start();
  EXPECT_EQ(node.chains.swaps, 1);
  ASSERT_TRUE(node.run([&] {
    for (auto& log : node.logs) ASSERT_TRUE(log->append("first life"));
    for (auto& log : node.logs) ASSERT_TRUE(log->wait_committed(Lsn(1)));
  }));
  node.lose_power();
  const std::uint64_t swaps_before = static_cast<std::uint64_t>(node.chains.swaps);
  node.start();
  EXPECT_EQ(static_cast<std::uint64_t>(node.chains.swaps), swaps_before + 1);
  ASSERT_TRUE(node.run([&] {
    for (auto& log : node.logs) {
      EXPECT_EQ(log->committed(), Lsn(1));
      EXPECT_EQ(log->append("second life").value(), Lsn(2));
      EXPECT_TRUE(log->wait_committed(Lsn(2)));
      EXPECT_EQ(node.read_all(*log), "first life second life ");
      EXPECT_EQ(log->chain().loglets.size(), 2u);
    }
  }));
}

TEST(Log, RestartsWithoutAppendsDoNotLengthenTheChain) {
  LogNode node(2);
  for (int life = 0; life < 5; ++life) {
    node.start();
    EXPECT_EQ(node.logs[0]->chain().loglets.size(), 1u);
    EXPECT_LE(node.wal->loglets().size(), 2u);
    node.lose_power();
  }
}

TEST(Log, TrimShowsTheGapAtOnceAndDropsWholeLoglets) {
  LogNode node(1);
  for (int life = 0; life < 3; ++life) {
    node.start();
    ASSERT_TRUE(node.run([&] {
      Log& log = *node.logs[0];
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.append("r" + std::to_string(log.tail().raw())));
      ASSERT_TRUE(log.wait_committed(log.tail().prev()));
    }));
    node.lose_power();
  }
  node.start();
  Log& log = *node.logs[0];
  EXPECT_EQ(log.chain().loglets.size(), 4u);
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(log.trim(Lsn(7)));
    EXPECT_EQ(log.read(Lsn(7), 1).error().code, Code::not_found);
    EXPECT_EQ(node.read_all(log), "r8 r9 r10 r11 r12 r13 r14 r15 ");
    EXPECT_EQ(log.chain().loglets.size(), 3u);  // 1..5 is whole, 6..10 is not
    ASSERT_TRUE(log.trim(Lsn(99)));             // never beyond what is committed
    EXPECT_EQ(log.trim_point(), Lsn(15));
    EXPECT_EQ(log.chain().loglets.size(), 1u);
    EXPECT_EQ(log.append("r16").value(), Lsn(16));
    ASSERT_TRUE(log.wait_committed(Lsn(16)));
  }));
  node.lose_power();
  node.start();
  EXPECT_EQ(node.logs[0]->trim_point(), Lsn(15));
  ASSERT_TRUE(node.run([&] { EXPECT_EQ(node.read_all(*node.logs[0]), "r16 "); }));
}

TEST(Log, ATrimPointOutlivesARestartBeforeTheChainKnowsIt) {
  LogNode node(1);
  node.start();
  ASSERT_TRUE(node.run([&] {
    Log& log = *node.logs[0];
    for (int i = 1; i <= 6; ++i) ASSERT_TRUE(log.append("r" + std::to_string(i)));
    ASSERT_TRUE(log.wait_committed(Lsn(6)));
    ASSERT_TRUE(log.trim(Lsn(3)));
    ASSERT_TRUE(log.append("r7"));
    ASSERT_TRUE(log.wait_committed(Lsn(7)));
  }));
  node.lose_power();
  node.start();
  EXPECT_EQ(node.logs[0]->trim_point(), Lsn(3));
}

TEST(Log, ALostAnswerOfTheMetadataStoreIsNoConflict) {
  LogNode node(3);
  node.chains.lose_answers = 1;
  node.start();
  EXPECT_EQ(node.chains.swaps, 1);
  node.lose_power();
  node.chains.refuse = 2;
  node.start();
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.logs[2]->append("a").value(), Lsn(1));
    EXPECT_TRUE(node.logs[2]->wait_committed(Lsn(1)));
  }));
}

TEST(Log, AFailedDiskLeavesWhatIsInFlightUnknown) {
  LogNode node(1);
  node.start();
  Log& log = *node.logs[0];
  Told told;
  log.observe(&told);
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(log.append("safe"));
    ASSERT_TRUE(log.wait_committed(Lsn(1)));
    node.disk.fail_syncs(100);
    ASSERT_TRUE(log.append("in doubt"));
    EXPECT_EQ(log.wait_committed(Lsn(2)).error().code, Code::failed);
    EXPECT_EQ(log.append("after").error().code, Code::failed);
    EXPECT_EQ(log.committed(), Lsn(1));
    EXPECT_EQ(node.read_all(log), "safe ");
  }));
  EXPECT_EQ(told.end, "failed");
  EXPECT_EQ(told.committed_up_to, Lsn(1));
  EXPECT_EQ(node.trace.events["log.ended"], 1u);
}

// A chain that says 1..3 were written, and a disk that has nothing of it.
TEST(Log, AWipedDiskIsNotAnEmptyLog) {
  LogNode node(1);
  for (int life = 0; life < 2; ++life) {
    node.start();
    ASSERT_TRUE(node.run([&] {
      Log& log = *node.logs[0];
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(log.append("x"));
      ASSERT_TRUE(log.wait_committed(log.tail().prev()));
    }));
    node.lose_power();
  }
  ASSERT_TRUE(node.run([&] { ASSERT_TRUE(node.disk.remove_folder("wal")); }));
  ASSERT_TRUE(node.run([&] {
    node.wal = wal::Wal::open(node.disk, node.loop->fibers, node.trace, node.wal_options).value();
    const auto refused = node.open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::corrupt);
  }));
}

// Appends, trims and crashes at any effect: what was committed stays, in one order.
TEST(Log, CommittedRecordsSurviveEverything) {
  for (std::uint64_t seed = 1; seed <= 60 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    LogNode node(3, seed);
    std::map<std::uint64_t, std::vector<std::string>> records;  // of a partition; [0] is Lsn 1
    std::map<std::uint64_t, Lsn> committed, trimmed;
    for (int life = 0; life < 6; ++life) {
      node.start();
      if (testing::Test::HasFatalFailure()) return;
      for (auto& log : node.logs) {
        const std::uint64_t p = log->partition().raw();
        ASSERT_GE(log->committed(), committed[p]);
        ASSERT_LE(log->committed().raw(), records[p].size());
        ASSERT_LE(log->trim_point(), trimmed[p]);
        records[p].resize(log->committed().raw());
        std::string expected;
        for (std::uint64_t n = log->trim_point().raw(); n < records[p].size(); ++n) {
          expected += records[p][n] + " ";
        }
        ASSERT_TRUE(node.run([&] { ASSERT_EQ(node.read_all(*log), expected); }));
      }
      node.disk.crash_at(1 + random() % 120);
      (void)node.run([&] {
        for (int i = 0; i < 200; ++i) {
          Log& log = *node.logs[random() % 3];
          const std::uint64_t p = log.partition().raw();
          const std::string record = std::to_string(life) + "." + std::to_string(i);
          if (const auto at = log.append(record)) {
            ASSERT_EQ(at->raw(), records[p].size() + 1);
            records[p].push_back(record);
          }
          if (random() % 20 == 0 && log.committed() > Lsn(2)) {
            const Lsn to(log.committed().raw() - 2);
            trimmed[p] = std::max(trimmed[p], to);
            (void)log.trim(to);
          }
          if (random() % 3 == 0) {
            (void)node.loop->fibers.sleep_until(
                node.loop->in(std::chrono::microseconds(random() % 300)));
          }
          for (auto& each : node.logs) committed[each->partition().raw()] = each->committed();
        }
      });
      for (auto& log : node.logs) log->check_invariants();
      node.lose_power();
    }
  }
}

}  // namespace
}  // namespace perdure::log
