#include "sim/check/replicas.h"

#include <gtest/gtest.h>

#include "engine/base/bytes.h"
#include "engine/tables/rows.h"
#include "engine/wal/frame.h"
#include "sim/check/durable_records.h"
#include "sim/disk/disk_store.h"
#include "sim/tables/tables.h"
#include "sim/world/guests.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

const processor::Owner owner{.partition = PartitionId(0), .partitions = 1};

wire::Record announcement(std::uint64_t epoch) {
  wire::Record record{.at = WallTime(std::chrono::milliseconds(epoch))};
  record.commands.push_back(
      {.body = wire::AnnounceLeader{.epoch = Epoch(epoch), .node = NodeId(1), .incarnation = 1}});
  return record;
}

// A host whose replica is ourselves: rows as apply() made them elsewhere.
class ReplicasTest : public testing::Test {
 protected:
  using Rows = std::map<std::string, std::string>;

  ReplicasTest() : host_(universe_.add_host({.name = "n1"})) {
    host_.start([](std::span<const io::World>) { return std::make_unique<Guest>(); });
  }

  // What a right replica writes at that record, learned from a shadow of our own.
  void apply(processor::Witness& witness, std::uint64_t lsn, std::uint64_t epoch,
             std::string_view spoiled = "") {
    tables::PartitionRow row{.partition = owner.partition, .partitions = owner.partitions};
    row.applied = Lsn(lsn);
    row.epoch = Epoch(epoch);
    row.leader = NodeId(1);
    row.incarnation = 1;
    const std::string bytes = wire::encode(row) + std::string(spoiled);
    processor::RowsWritten written;
    written.rows.emplace_back(tables::partition_row_key().str(), &bytes);
    witness.applied(owner, Lsn(lsn), announcement(epoch), written);
    rows_[tables::partition_row_key().str()] = bytes;
  }
  void lay_down(const Rows& rows) {
    auto& family = host_.tables().families["partition-0"];
    family = std::make_shared<TableStore::Rows>(rows.begin(), rows.end());
  }

  Universe universe_{{.seed = 1}};
  Host& host_;
  Rows rows_;
  std::vector<std::string> found_;
};

TEST_F(ReplicasTest, WhatIsReplayedFromACheckpointIsTheSame) {
  Replicas replicas(universe_, [this](Finding f) { found_.push_back(f.check); }, 0);
  processor::Witness& witness = replicas.witness(host_);
  witness.opened(owner, Lsn(0));
  apply(witness, 1, 1);
  const Rows checkpoint = rows_;
  apply(witness, 2, 2);
  lay_down(checkpoint);
  witness.opened(owner, Lsn(1));
  apply(witness, 2, 2);
  apply(witness, 3, 3);
  EXPECT_EQ(found_, std::vector<std::string>());
  EXPECT_EQ(replicas.records(), 3U);
  EXPECT_EQ(replicas.compared(), 4U);
  EXPECT_EQ(replicas.openings(), 2U);
}

TEST_F(ReplicasTest, TablesThatSayTooMuchAreSeenWhenTheyAreOpened) {
  Replicas replicas(universe_, [this](Finding f) { found_.push_back(f.check); }, 0);
  processor::Witness& witness = replicas.witness(host_);
  witness.opened(owner, Lsn(0));
  apply(witness, 1, 1);
  const Rows checkpoint = rows_;
  apply(witness, 2, 2);
  lay_down(checkpoint);
  witness.opened(owner, Lsn(2));  // they hold what 1 did, and say 2
  EXPECT_EQ(found_, std::vector<std::string>{"state-equals-replay"});
}

TEST_F(ReplicasTest, RowsThatDifferAreSeenAtTheirRecord) {
  Replicas replicas(universe_, [this](Finding f) { found_.push_back(f.check); }, 0);
  processor::Witness& witness = replicas.witness(host_);
  witness.opened(owner, Lsn(0));
  apply(witness, 1, 1);
  EXPECT_EQ(found_, std::vector<std::string>());
  apply(witness, 2, 2, "rot");
  EXPECT_EQ(found_, std::vector<std::string>{"state-equals-replay"});
}

TEST_F(ReplicasTest, OnePlaceHasOneRecord) {
  Replicas replicas(universe_, [this](Finding f) { found_.push_back(f.check); }, 0);
  processor::Witness& witness = replicas.witness(host_);
  witness.opened(owner, Lsn(0));
  apply(witness, 1, 1);
  lay_down({});
  witness.opened(owner, Lsn(0));
  apply(witness, 1, 7);
  EXPECT_EQ(found_, std::vector<std::string>{"log-single-history"});
}

TEST_F(ReplicasTest, WhatIsAppliedIsDurable) {
  Replicas replicas(universe_, [this](Finding f) { found_.push_back(f.check); }, 1);
  processor::Witness& witness = replicas.witness(host_);
  witness.opened(owner, Lsn(0));
  apply(witness, 1, 1);
  EXPECT_EQ(found_, std::vector<std::string>{"acked-is-durable"});
}

// --- what is durable ---

class DurableRecordsTest : public testing::Test {
 protected:
  DurableRecordsTest() {
    EXPECT_TRUE(disk_.make_folder("wal"));
    EXPECT_TRUE(disk_.make_folder("wal/0"));
    file_ = *disk_.open("wal/0/00000001.segment", io::Open::create);
    EXPECT_TRUE(disk_.sync_folder(""));
    EXPECT_TRUE(disk_.sync_folder("wal"));
    EXPECT_TRUE(disk_.sync_folder("wal/0"));
    begin(1);
  }
  void begin(std::uint32_t number) {
    number_ = number;
    at_ = wal::segment_head_bytes;
    EXPECT_TRUE(disk_.write(
        file_, 0, wal::encode_head({.number = number, .capacity = 1 << 16, .stream_id = 9})));
  }
  void write(const wire::Record& record) {
    const std::string bytes = wire::encode(record);
    std::vector<std::byte> frame(wal::frame_bytes(static_cast<std::uint32_t>(bytes.size())));
    wal::put_frame(frame.data(), {.loglet = LogletId(1), .offset = Offset(1)}, bytes);
    wal::mark_last(frame.data());
    wal::put_checks(frame.data(), wal::seed_at(9, wal::position_of(number_, at_)));
    EXPECT_TRUE(
        disk_.write(file_, at_, {reinterpret_cast<const char*>(frame.data()), frame.size()}));
    at_ = wal::round_up(at_ + static_cast<std::uint32_t>(frame.size()), wal::sector_bytes);
  }
  void sync() { EXPECT_TRUE(disk_.sync(file_, disk_.write_number())); }

  DiskStore disk_{1, 1, std::uint64_t{1} << 30};
  DiskStore::Inode file_ = 0;
  std::uint32_t number_ = 0, at_ = 0;
  DurableRecords durable_{disk_};
};

TEST_F(DurableRecordsTest, ARecordIsDurableAfterItsSync) {
  write(announcement(1));
  EXPECT_FALSE(durable_.contains(announcement(1)));
  sync();
  EXPECT_TRUE(durable_.contains(announcement(1)));
  write(announcement(2));
  EXPECT_FALSE(durable_.contains(announcement(2)));
  sync();
  EXPECT_TRUE(durable_.contains(announcement(2)));
}

TEST_F(DurableRecordsTest, AFileThatIsUsedAgainIsReadAgain) {
  write(announcement(1));
  sync();
  EXPECT_TRUE(durable_.contains(announcement(1)));
  begin(2);
  write(announcement(3));
  sync();
  EXPECT_TRUE(durable_.contains(announcement(3)));
  EXPECT_TRUE(durable_.contains(announcement(1)));
}

}  // namespace
}  // namespace perdure::sim
