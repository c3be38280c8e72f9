// A disk that is only looked at: what is written to it is read back, and the folder stays as
// it was.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "engine/base/bytes.h"
#include "net/disk/disk.h"
#include "net/disk/scratch.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

class ScratchDiskTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) {
    std::ofstream(folder_.path() + "/" + name, std::ios::binary) << content;
  }
  std::string in_folder(const std::string& name) {
    std::ifstream file(folder_.path() + "/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  std::string read(std::string_view name) {
    auto file = disk_.open(name, io::Open::existing);
    if (!file) return std::string(name_of(file.error().code));
    std::string bytes(*(*file)->size() + 10, '?');
    const auto count = (*file)->read(0, std::as_writable_bytes(std::span(bytes)));
    bytes.resize(count.value_or(0));
    return bytes;
  }

  TemporaryFolder folder_;
  ScratchDisk disk_{folder_.path()};
};

TEST_F(ScratchDiskTest, WritesAreReadBackAndReachNoFile) {
  const std::string long_content(200'000, 'a');  // several blocks
  put("log", long_content);
  auto file = disk_.open("log", io::Open::existing);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_and_sync(65'530, as_bytes("over the border")));
  ASSERT_TRUE((*file)->write(200'010, as_bytes("end")));
  std::string expected = long_content;
  expected.replace(65'530, 15, "over the border");
  expected += std::string(10, '\0') + "end";
  EXPECT_EQ(read("log"), expected);
  EXPECT_EQ(in_folder("log"), long_content);
}

TEST_F(ScratchDiskTest, CutsAndGrowsWithZeros) {
  put("log", "0123456789");
  auto file = disk_.open("log", io::Open::existing);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write(2, as_bytes("xy")));
  ASSERT_TRUE((*file)->truncate(3));
  EXPECT_EQ(read("log"), "01x");
  ASSERT_TRUE((*file)->truncate(6));
  EXPECT_EQ(read("log"), std::string("01x\0\0\0", 6));
  EXPECT_EQ(in_folder("log"), "0123456789");
}

TEST_F(ScratchDiskTest, NamesChangeHereOnly) {
  put("one", "1");
  put("two", "2");
  ASSERT_TRUE(disk_.rename("one", "three"));
  ASSERT_TRUE(disk_.remove("two"));
  ASSERT_TRUE(disk_.open("four", io::Open::create));
  EXPECT_EQ(*disk_.list(""), (std::vector<std::string>{"four", "three"}));
  EXPECT_EQ(read("three"), "1");
  EXPECT_EQ(read("one"), "not_found");
  EXPECT_EQ(disk_.remove("two").error().code, Code::not_found);
  EXPECT_EQ(disk_.open("three", io::Open::create_new).error().code, Code::conflict);
  EXPECT_EQ(in_folder("one") + in_folder("two"), "12");
  EXPECT_EQ(in_folder("four"), "");
}

TEST_F(ScratchDiskTest, FoldersAreMadeInMemory) {
  EXPECT_EQ(disk_.list("wal").error().code, Code::not_found);
  ASSERT_TRUE(disk_.make_folder("wal"));
  ASSERT_TRUE(disk_.open("wal/a", io::Open::create));
  EXPECT_EQ(*disk_.list("wal"), (std::vector<std::string>{"a"}));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/wal"));
}

TEST(FolderLock, WhoLooksWritesNothingAndKeepsServersOut) {
  const TemporaryFolder folder;
  {
    const auto nobody = FolderLock::look(folder.path());
    ASSERT_TRUE(nobody);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  {
    const auto server = FolderLock::take(folder.path());
    ASSERT_TRUE(server);
    EXPECT_EQ(FolderLock::look(folder.path()).error().code, Code::conflict);
  }
  const auto looking = FolderLock::look(folder.path());
  const auto another = FolderLock::look(folder.path());
  EXPECT_TRUE(looking && another);
  EXPECT_EQ(FolderLock::take(folder.path()).error().code, Code::conflict);
}

}  // namespace
}  // namespace perdure::net
