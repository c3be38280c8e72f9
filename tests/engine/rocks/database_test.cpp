#include "engine/rocks/database.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <utility>

#include "engine/base/bytes.h"
#include "tests/engine/rocks/rocks_host.h"

namespace perdure::rocks {
namespace {

using tests::AtOnce;
using tests::RocksHost;

// A run of which every row says its number, as a checkpoint has its applied LSN: torn,
// it would show two numbers.
std::map<std::string, std::string> rows_of(std::uint64_t number) {
  std::map<std::string, std::string> rows;
  for (std::uint64_t i = 0; i < 300; ++i) {
    rows["row" + std::to_string(i)] = std::to_string(number) + " " + std::string(i, 'x');
  }
  rows["span" + std::to_string(number % 50)] = std::to_string(number);
  return rows;
}

Result<void> ingest(io::Family& family, const std::map<std::string, std::string>& rows,
                    std::vector<io::EraseRange> ranges = {}) {
  io::Run run{.erase_ranges = std::move(ranges), .changes = {}};
  for (const auto& [key, value] : rows) run.changes.push_back({.key = key, .value = value});
  return family.ingest(std::move(run));
}

std::map<std::string, std::string> content(io::Family& family) {
  std::map<std::string, std::string> rows;
  auto cursor = family.scan("", "\xff");
  EXPECT_TRUE(cursor);
  while (true) {
    auto batch = (*cursor)->next(1 << 20);
    EXPECT_TRUE(batch) << batch.error().detail;
    if (!batch || batch->empty()) return rows;
    rows.insert(batch->begin(), batch->end());
  }
}

// In a process of its own, until it is killed: one byte to the pipe for each run that
// was said to be durable.
[[noreturn]] void ingest_for_ever(const std::string& folder, std::uint64_t first, int pipe) {
  auto database = Database::open({.data_folder = folder, .file_bytes = 32 << 10});
  AtOnce offload;
  const auto front = (*database)->front(offload);
  const auto family = *front->open("p");
  for (std::uint64_t number = first;; ++number) {
    if (!ingest(*family, rows_of(number), {{"span", "spao"}})) _exit(1);
    if (write(pipe, "x", 1) != 1) _exit(2);
  }
}

// The number of the run that the database shows, or 0 when it shows no whole one.  In a
// process of its own, too: RocksDB's threads do not live through a fork.
std::uint64_t number_shown(const std::string& folder) {
  auto database = Database::open({.data_folder = folder, .file_bytes = 32 << 10});
  if (!database) return 0;
  AtOnce offload;
  const auto front = (*database)->front(offload);
  const auto family = *front->open("p");
  const auto rows = content(*family);
  const std::uint64_t number = std::stoull(rows.at("row0"));
  return rows == rows_of(number) ? number : 0;
}

// Runs `body` in a forked process; it writes to the pipe whose other end this returns.
std::pair<pid_t, int> in_a_process(const std::function<void(int pipe)>& body) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    body(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  return {child, ends[0]};
}

// "DeathTest", so that it runs before this process has threads.
TEST(RocksDeathTest, AKilledProcessLeavesWholeRuns) {
  std::string folder = testing::TempDir() + "perdure_kill_XXXXXX";
  ASSERT_TRUE(mkdtemp(folder.data()));
  std::uint64_t acknowledged = 0;
  for (std::uint64_t life = 0; life < 10; ++life) {
    const auto [child, acks] =
        in_a_process([&](int pipe) { ingest_for_ever(folder, acknowledged + 1, pipe); });
    char byte = 0;
    for (std::uint64_t run = 0; run < 1 + life * 2; ++run) {
      ASSERT_EQ(read(acks, &byte, 1), 1);
      ++acknowledged;
    }
    // Somewhere in one of the next runs, and not always in the same place of it.
    for (std::uint64_t spin = hash64("spin", life) % 3'000'000; spin > 0; --spin) asm volatile("");
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(acks, &byte, 1) == 1) ++acknowledged;
    close(acks);

    const auto [reader, answer] = in_a_process([&](int pipe) {
      const std::uint64_t number = number_shown(folder);
      if (write(pipe, &number, sizeof(number)) < 0) _exit(1);
    });
    std::uint64_t number = 0;
    ASSERT_EQ(read(answer, &number, sizeof(number)), static_cast<ssize_t>(sizeof(number)));
    waitpid(reader, nullptr, 0);
    close(answer);
    EXPECT_GE(number, acknowledged);
    EXPECT_LE(number, acknowledged + 1);
    acknowledged = number;
  }
  std::filesystem::remove_all(folder);
}

// What expires by the bucket is dropped by the file: no row of it is read again.
TEST(RocksRetention, AnErasedBucketGivesItsFilesBack) {
  RocksHost host;
  host.run([&] {
    const auto family = *host.tables().open("p");
    for (int checkpoint = 0; checkpoint < 24; ++checkpoint) {
      std::map<std::string, std::string> rows{{"a/applied", std::to_string(checkpoint)}};
      for (int i = 0; i < 200; ++i) {
        const std::uint64_t noise = hash64(std::to_string(checkpoint * 1000 + i));
        std::string value;
        while (value.size() < 1000) put_be(value, hash64(value, noise));
        rows["bucket" + std::to_string(checkpoint / 8) + "/" + std::to_string(noise)] = value;
      }
      rows["z/last"] = std::to_string(checkpoint);
      ASSERT_TRUE(ingest(*family, rows));
    }
    const auto before = host.database().usage().file_bytes;
    ASSERT_GT(before, 4'000'000u);
    ASSERT_TRUE(ingest(*family, {{"a/applied", "24"}}, {{"bucket0/", "bucket00"}}));
    std::string value;
    auto rows = content(*family);
    EXPECT_EQ(rows.size(), 2u * 8 * 200 + 2);
    EXPECT_EQ(rows["a/applied"], "24");
    ASSERT_TRUE(ingest(*family, {{"a/applied", "25"}}, {{"bucket1/", "bucket10"}}));
    EXPECT_EQ(content(*family).size(), 8u * 200 + 2);
    EXPECT_LT(host.database().usage().file_bytes, before * 2 / 3);
    ASSERT_TRUE(family->export_to("export"));
    EXPECT_LT(host.database().usage().file_bytes, before / 2);
    ASSERT_TRUE(host.tables().import_family("q", "export"));
    EXPECT_EQ(content(**host.tables().open("q")).size(), 8u * 200 + 2);
  });
  host.restart();
  host.run([&] { EXPECT_EQ(content(**host.tables().open("p")).size(), 8u * 200 + 2); });
}

TEST(RocksDatabase, ASecondOpenIsRefused) {
  RocksHost host;
  const auto second = Database::open({.data_folder = host.folder()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed);
}

TEST(RocksDatabase, DestroyedItOpensEmpty) {
  std::string folder = testing::TempDir() + "perdure_destroy_XXXXXX";
  ASSERT_TRUE(mkdtemp(folder.data()));
  AtOnce offload;
  for (int life = 0; life < 2; ++life) {
    {
      auto database = Database::open({.data_folder = folder});
      ASSERT_TRUE(database) << database.error().detail;
      const auto front = (*database)->front(offload);
      EXPECT_TRUE(front->list()->empty());
      const auto family = *front->open("p");
      EXPECT_TRUE(ingest(*family, {{"a", "1"}}));
      EXPECT_FALSE((*database)->broken());
    }
    EXPECT_TRUE(Database::destroy({.data_folder = folder}));
  }
  std::filesystem::remove_all(folder);
}

// A failed sync and a power loss left such a folder in the simulator: MANIFEST names a
// file that is not there.  The node could not start any more.
TEST(RocksDatabase, OneThatIsCorruptIsBegunAnew) {
  std::string folder = testing::TempDir() + "perdure_anew_XXXXXX";
  ASSERT_TRUE(mkdtemp(folder.data()));
  const Options options{.data_folder = folder};
  AtOnce offload;
  {
    auto database = Database::open(options);
    const auto front = (*database)->front(offload);
    const auto family = *front->open("p");
    ASSERT_TRUE(ingest(*family, {{"a", "1"}}));
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == "CURRENT") std::ofstream(entry.path()) << "MANIFEST-999999\n";
  }
  const auto refused = Database::open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::corrupt);
  {
    std::optional<Error> why;
    auto anew = Database::open_or_begin_anew(options, [&why](const Error& error) { why = error; });
    ASSERT_TRUE(anew) << anew.error().detail;
    ASSERT_TRUE(why);
    EXPECT_TRUE((*anew)->front(offload)->list()->empty());
  }
  std::filesystem::remove_all(folder);
}

TEST(RocksDatabase, AnExportWithADamagedManifestIsRefused) {
  RocksHost host;
  host.run([&] {
    const auto family = *host.tables().open("p");
    ASSERT_TRUE(ingest(*family, rows_of(1)));
    ASSERT_TRUE(family->export_to("export"));
    ASSERT_TRUE(std::filesystem::remove(host.folder() + "/export/family"));
    std::ofstream(host.folder() + "/export/family") << "perdure family export 1\nnonsense\n";
    const auto imported = host.tables().import_family("q", "export");
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, Code::corrupt);
    EXPECT_EQ(content(*family), rows_of(1));
  });
}

}  // namespace
}  // namespace perdure::rocks
