// The checks on a replicated log, each shown one history that it must refuse.
#include "sim/check/log_history.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

namespace perdure::sim {
namespace {

constexpr PartitionId partition{0};

log::Loglet loglet(std::uint64_t id, std::uint64_t base) {
  return {.id = LogletId(id),
          .base = Lsn(base),
          .nodeset = {{NodeId(1), {}, {}}, {NodeId(2), {}, {}}},
          .replication = {.copies = 2},
          .sequencer = NodeId(1),
          .incarnation = log::Incarnation(1)};
}

class LogHistoryTest : public testing::Test {
 protected:
  LogHistory history{[this](Finding finding) {
                       if (!found) found = finding.check;
                     },
                     [this](NodeId node, std::string_view) { return holders.contains(node); }};
  std::set<NodeId> holders = {NodeId(1), NodeId(2)};
  std::optional<std::string> found;

  void write(std::uint64_t lsn, std::string_view bytes, const log::Loglet& into) {
    history.appended(partition, into, Lsn(lsn), bytes);
    history.acknowledged(partition, into, Lsn(lsn), bytes);
  }
  log::Chain begin() {
    const log::Chain chain{.loglets = {loglet(1, 1)}};
    history.chain_changed(partition, 1, {}, chain);
    return chain;
  }
};

TEST_F(LogHistoryTest, AGoodLifeIsFine) {
  const log::Chain first = begin();
  for (std::uint64_t n = 1; n <= 6; ++n) write(n, "r" + std::to_string(n), loglet(1, 1));
  const log::Chain second{.loglets = {loglet(1, 1), loglet(2, 7)}};
  history.chain_changed(partition, 2, first, second);
  write(7, "r7", loglet(2, 7));
  history.may_trim(partition, Lsn(2));
  history.reader_begun(1, partition, Lsn(1));
  history.gap(1, Lsn(2));
  for (std::uint64_t n = 3; n <= 7; ++n) history.read(1, Lsn(n), "r" + std::to_string(n));
  EXPECT_FALSE(found) << *found;
  EXPECT_GE(history.disks_looked_at(), 2u);
}

TEST_F(LogHistoryTest, ARecordThatNobodyAppended) {
  history.reader_begun(1, partition, Lsn(1));
  history.read(1, Lsn(1), "out of thin air");
  EXPECT_EQ(found, "log-invented");
}

TEST_F(LogHistoryTest, ARecordAtAnotherPlace) {
  write(1, "a", loglet(1, 1));
  history.appended(partition, loglet(1, 1), Lsn(2), "b");
  history.reader_begun(1, partition, Lsn(1));
  history.read(1, Lsn(1), "b");
  EXPECT_EQ(found, "log-invented");
}

TEST_F(LogHistoryTest, TwoRecordsAtOnePlace) {
  history.appended(partition, loglet(1, 1), Lsn(1), "a");
  history.appended(partition, loglet(2, 1), Lsn(1), "b");
  history.reader_begun(1, partition, Lsn(1));
  history.reader_begun(2, partition, Lsn(1));
  history.read(1, Lsn(1), "a");
  history.read(2, Lsn(1), "b");
  EXPECT_EQ(found, "log-single-history");
}

TEST_F(LogHistoryTest, AnAcknowledgedRecordAboveTheTail) {
  const log::Chain first = begin();
  write(1, "a", loglet(1, 1));
  write(2, "b", loglet(1, 1));
  history.chain_changed(partition, 2, first, {.loglets = {loglet(1, 1), loglet(2, 2)}});
  EXPECT_EQ(found, "log-acked-lost");
}

TEST_F(LogHistoryTest, AnAcknowledgementAfterTheSeal) {
  const log::Chain first = begin();
  history.appended(partition, loglet(1, 1), Lsn(1), "a");
  history.chain_changed(partition, 2, first, {.loglets = {loglet(2, 1)}});  // it was empty
  history.acknowledged(partition, loglet(1, 1), Lsn(1), "a");
  EXPECT_EQ(found, "log-sealed");
}

TEST_F(LogHistoryTest, ATailThatMoves) {
  const log::Chain first = begin();
  for (std::uint64_t n = 1; n <= 5; ++n) write(n, "r" + std::to_string(n), loglet(1, 1));
  const log::Chain sealed{.loglets = {loglet(1, 1)}, .sealed_tail = Lsn(6)};
  history.chain_changed(partition, 2, first, sealed);
  history.chain_changed(partition, 3, sealed, {.loglets = {loglet(1, 1), loglet(2, 7)}});
  EXPECT_EQ(found, "log-sealed");
}

TEST_F(LogHistoryTest, AVersionTwice) {
  const log::Chain first = begin();
  history.chain_changed(partition, 1, first, first);
  EXPECT_EQ(found, "log-chain");
}

TEST_F(LogHistoryTest, TooFewDisks) {
  holders = {NodeId(1)};
  for (std::uint64_t n = 1; n <= 3; ++n) write(n, "r" + std::to_string(n), loglet(1, 1));
  EXPECT_EQ(found, "log-quorum");
}

TEST_F(LogHistoryTest, AnEndThatWasNotRepaired) {
  const log::Chain first = begin();
  write(1, "a", loglet(1, 1));
  history.appended(partition, loglet(1, 1), Lsn(2), "b");  // whether it is committed nobody knows
  holders = {NodeId(1)};
  history.chain_changed(partition, 2, first, {.loglets = {loglet(1, 1)}, .sealed_tail = Lsn(3)});
  EXPECT_EQ(found, "log-quorum");
}

TEST_F(LogHistoryTest, AnEndBehindWhatWasAppended) {
  const log::Chain first = begin();
  write(1, "a", loglet(1, 1));
  history.chain_changed(partition, 2, first, {.loglets = {loglet(1, 1)}, .sealed_tail = Lsn(3)});
  EXPECT_EQ(found, "log-invented");
}

TEST_F(LogHistoryTest, ANodesetThatCannotHoldItsCopies) {
  log::Loglet alone = loglet(1, 1);
  alone.nodeset.pop_back();
  history.chain_changed(partition, 1, {}, {.loglets = {alone}});
  EXPECT_EQ(found, "log-chain");
}

TEST_F(LogHistoryTest, CopiesInOneZoneOfTwo) {
  log::Loglet zoned = loglet(1, 1);
  zoned.replication.zones = 2;
  zoned.nodeset.push_back({NodeId(3), "elsewhere", {}});
  for (std::uint64_t n = 1; n <= 3; ++n) write(n, "r" + std::to_string(n), zoned);
  EXPECT_EQ(found, "log-quorum");
}

TEST_F(LogHistoryTest, AReaderThatSkips) {
  write(1, "a", loglet(1, 1));
  write(2, "b", loglet(1, 1));
  history.reader_begun(1, partition, Lsn(1));
  history.read(1, Lsn(2), "b");
  EXPECT_EQ(found, "log-reader-order");
}

TEST_F(LogHistoryTest, AGapThatWasNotTrimmed) {
  history.reader_begun(1, partition, Lsn(1));
  history.gap(1, Lsn(3));
  EXPECT_EQ(found, "log-reader-order");
}

TEST_F(LogHistoryTest, AChainTrimmedTooFar) {
  const log::Chain first = begin();
  history.chain_changed(partition, 2, first, {.loglets = {loglet(1, 1)}, .trim_point = Lsn(9)});
  EXPECT_EQ(found, "log-trim");
}

}  // namespace
}  // namespace perdure::sim
