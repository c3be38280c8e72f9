#include "engine/tables/snapshots.h"

#include <gtest/gtest.h>

#include "host/manual_loop.h"
#include "tests/engine/tables/memory_disk.h"
#include "tests/engine/tables/test_family.h"

namespace perdure::tables {
namespace {

using tests::MemoryDisk;
using tests::TestFamily;

class Events : public io::Trace {
 public:
  std::vector<std::string> names;
  std::string last_why;
  bool wants(io::Level) const override { return true; }
  void event(io::Level, std::string_view name, std::initializer_list<io::Field> fields) override {
    names.emplace_back(name);
    for (const io::Field& field : fields) {
      if (field.name == "why") last_why = std::get<std::string_view>(field.value);
    }
  }
  void count(std::string_view, std::uint64_t) override {}
};

// Exports itself as two files; Imports reads them.
class ExportingFamily : public TestFamily {
 public:
  ExportingFamily(io::Fibers& fibers, MemoryDisk& disk) : TestFamily(fibers), disk_(disk) {}
  Result<void> export_to(std::string_view folder) override {
    if (!disk_.fails_below.empty()) return fail(Code::full, "no space");
    disk_.files[std::string(folder) + "/1"] = rows["a"];
    disk_.files[std::string(folder) + "/2"] = "the rest";
    return {};
  }

 private:
  MemoryDisk& disk_;
};

class Imports : public io::Tables {
 public:
  explicit Imports(MemoryDisk& disk) : disk_(disk) {}
  std::string imported;
  Result<std::unique_ptr<io::Family>> open(std::string_view) override {
    return fail(Code::invalid, "not here");
  }
  Result<void> drop(std::string_view) override { return {}; }
  Result<void> import_family(std::string_view, std::string_view folder) override {
    imported = disk_.files.at(std::string(folder) + "/1");
    return {};
  }
  Result<std::vector<std::string>> list() override { return std::vector<std::string>(); }

 private:
  MemoryDisk& disk_;
};

class SnapshotsTest : public testing::Test {
 protected:
  void take(Snapshots& into, std::uint64_t applied, std::string content) {
    family.rows["a"] = std::move(content);
    const auto taken = into.take(family, Lsn(applied));
    ASSERT_TRUE(taken) << taken.error().detail;
  }

  MemoryDisk disk;
  Events events;
  Imports imports{disk};
  host::ManualLoop loop;
  ExportingFamily family{loop.fibers, disk};
  Snapshots snapshots{disk, events, PartitionId(7)};
};

TEST_F(SnapshotsTest, TwoAreKeptAndTheOlderSaysWhatMayBeTrimmed) {
  ASSERT_TRUE(snapshots.open());
  EXPECT_EQ(snapshots.trim_point(), std::nullopt);
  take(snapshots, 10, "ten");
  EXPECT_EQ(snapshots.trim_point(), std::nullopt);
  take(snapshots, 20, "twenty");
  EXPECT_EQ(snapshots.trim_point(), Lsn(10));
  take(snapshots, 20, "the same position again");
  take(snapshots, 30, "thirty");
  EXPECT_EQ(snapshots.trim_point(), Lsn(20));
  EXPECT_EQ(*disk.list("snapshots/7"),
            (std::vector<std::string>{"00000000000000000020-3", "00000000000000000030-4"}));
  const auto restored = snapshots.restore(imports, "p7");
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->applied, Lsn(30));
  EXPECT_EQ(imports.imported, "thirty");
}

TEST_F(SnapshotsTest, AreFoundAgainAfterARestart) {
  take(snapshots, 10, "ten");
  take(snapshots, 20, "twenty");
  Snapshots again(disk, events, PartitionId(7));
  ASSERT_TRUE(again.open());
  EXPECT_EQ(again.kept(), snapshots.kept());
  EXPECT_EQ(again.trim_point(), Lsn(10));
  take(again, 30, "thirty");
  EXPECT_EQ(again.kept().back().number, 3u);
}

// The export was made, and the process died before the manifest was.
TEST_F(SnapshotsTest, WithoutAManifestItNeverWas) {
  take(snapshots, 10, "ten");
  take(snapshots, 20, "twenty");
  disk.files.erase("snapshots/7/00000000000000000020-2/manifest");
  Snapshots again(disk, events, PartitionId(7));
  ASSERT_TRUE(again.open());
  EXPECT_EQ(events.names.back(), "tables.snapshot.skipped");
  EXPECT_EQ(again.trim_point(), std::nullopt);
  ASSERT_TRUE(again.restore(imports, "p7"));
  EXPECT_EQ(imports.imported, "ten");
  take(again, 20, "twenty once more");
  EXPECT_EQ(disk.list("snapshots/7")->size(), 2u);
  EXPECT_EQ(again.kept().back().number, 3u);
}

TEST_F(SnapshotsTest, ADamagedOneIsPassedOverWithItsReason) {
  take(snapshots, 10, "ten");
  take(snapshots, 20, "twenty");
  std::string& rotten = disk.files["snapshots/7/00000000000000000020-2/rows/2"];
  rotten[3] ^= 1;
  EXPECT_EQ(snapshots.verify(snapshots.kept().back()).error().code, Code::corrupt);
  const auto restored = snapshots.restore(imports, "p7");
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->applied, Lsn(10));
  EXPECT_EQ(events.last_why,
            "snapshots/7/00000000000000000020-2/rows/2 does not match its manifest");
  disk.files["snapshots/7/00000000000000000010-1/rows/1"] += "more";
  const auto none = snapshots.restore(imports, "p7");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::not_found);
}

// Every byte of a manifest counts.
TEST_F(SnapshotsTest, ADamagedManifestIsNeverBelieved) {
  take(snapshots, 10, "ten");
  std::string& manifest = disk.files["snapshots/7/00000000000000000010-1/manifest"];
  const std::string whole = manifest;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    manifest = whole;
    manifest[i] ^= 4;
    Snapshots again(disk, events, PartitionId(7));
    ASSERT_TRUE(again.open());
    EXPECT_TRUE(again.kept().empty());
    manifest = whole.substr(0, i);
    ASSERT_TRUE(again.open());
    EXPECT_TRUE(again.kept().empty());
  }
}

TEST_F(SnapshotsTest, AFullDiskLeavesTheOldOnes) {
  take(snapshots, 10, "ten");
  take(snapshots, 20, "twenty");
  disk.fails_below = "snapshots/7/00000000000000000030";
  EXPECT_EQ(snapshots.take(family, Lsn(30)).error().code, Code::full);
  EXPECT_EQ(snapshots.trim_point(), Lsn(10));
  disk.fails_below.clear();
  take(snapshots, 40, "forty");
  EXPECT_EQ(snapshots.trim_point(), Lsn(20));
  EXPECT_EQ(disk.list("snapshots/7")->size(), 2u);
}

}  // namespace
}  // namespace perdure::tables
