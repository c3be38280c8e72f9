// tests/engine/log/log_node.h
//
// A process with logs over one Wal on a CrashDisk; the chains lie beside it and outlive it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/log/log.h"
#include "host/manual_loop.h"
#include "tests/support/crash_disk.h"
#include "tests/support/silent_trace.h"

namespace perdure::log {

class ChainsInMemory final : public Chains {
 public:
  Result<std::vector<VersionedChain>> read(const std::vector<PartitionId>& partitions) override {
    ++reads;
    std::vector<VersionedChain> found;
    for (const PartitionId partition : partitions) found.push_back(chains[partition]);
    return found;
  }
  Result<std::vector<std::uint64_t>> swap(const std::vector<ChainChange>& changes) override {
    ++swaps;
    if (refuse > 0) {
      --refuse;
      return fail(Code::failed, "the metadata store is away");
    }
    for (const ChainChange& change : changes) {
      if (chains[change.partition].version != change.expected_version) {
        return fail(Code::conflict, "another version");
      }
    }
    std::vector<std::uint64_t> versions;
    for (const ChainChange& change : changes) {
      chains[change.partition] = {.version = ++next_version_, .chain = change.chain};
      versions.push_back(next_version_);
    }
    if (lose_answers == 0) return versions;
    --lose_answers;
    return fail(Code::timed_out, "no answer, though it happened");
  }
  Result<VersionedChain> wait_newer(PartitionId, std::uint64_t, Instant) override {
    return fail(Code::cancelled, "nobody waits here");
  }

  std::map<PartitionId, VersionedChain> chains;
  int reads = 0, swaps = 0;
  int refuse = 0;        // the next so many swaps do not happen
  int lose_answers = 0;  // the next so many happen, and look as if they might not have

 private:
  std::uint64_t next_version_ = 0;
};

class LogNode {
 public:
  explicit LogNode(std::uint32_t partitions, std::uint64_t seed = 1)
      : partitions_(partitions),
        loop(std::make_unique<host::ManualLoop>()),
        disk(loop->fibers, seed) {}
  ~LogNode() { loop->scheduler.kill_all(); }

  bool run(std::function<void()> body) { return loop->run(std::move(body)); }

  void start() {
    ++incarnation_;
    ASSERT_TRUE(run([this] {
      auto opened = wal::Wal::open(disk, loop->fibers, trace, wal_options);
      ASSERT_TRUE(opened) << opened.error().detail;
      wal = std::move(*opened);
    }));
    ASSERT_TRUE(run([this] {
      auto opened = open();
      ASSERT_TRUE(opened) << opened.error().detail;
      logs = std::move(*opened);
    }));
  }
  Result<std::vector<std::unique_ptr<Log>>> open() {
    std::vector<Place> places;
    if (!store) store = std::make_unique<LogletStore>(*wal, loop->fibers, trace);
    for (std::uint32_t p = 0; p < partitions_; ++p) places.push_back({PartitionId(p), *store});
    return open_logs(places, chains, loop->fibers, trace,
                     {.node = NodeId(1),
                      .incarnation = Incarnation(incarnation_),
                      .window_records = 16,
                      .window_bytes = 4096});
  }
  void die() {
    loop->scheduler.kill_all();
    logs.clear();
    store.reset();
    wal.reset();
    loop = std::make_unique<host::ManualLoop>();
    disk.run_on(loop->fibers);
  }
  void lose_power() { die(), disk.lose_power(); }

  std::string read_all(Log& log) {
    std::string all;
    for (Lsn from = log.trim_point().next(); from <= log.committed();) {
      const auto records = log.read(from, 64);
      if (!records) return all + std::string(name_of(records.error().code));
      for (const auto& [lsn, bytes] : *records) {
        EXPECT_EQ(lsn, from);
        all += bytes + " ";
        from = from.next();
      }
    }
    return all;
  }

 private:
  const std::uint32_t partitions_;
  std::uint64_t incarnation_ = 0;

 public:
  wal::Options wal_options{.stream_id = 42,
                           .segment_bytes = 32 << 10,
                           .first_segment_bytes = 16 << 10,
                           .bytes_max = 1 << 20,
                           .batch_bytes_max = 4 << 10,
                           .memory_bytes = 16 << 10,
                           .read_window_bytes = 4 << 10,
                           .read_windows = 2};
  std::unique_ptr<host::ManualLoop> loop;
  tests::CrashDisk disk;
  tests::SilentTrace trace;
  ChainsInMemory chains;
  std::unique_ptr<wal::Wal> wal;
  std::unique_ptr<LogletStore> store;
  std::vector<std::unique_ptr<Log>> logs;  // after store: a log unwatches when it goes
};

}  // namespace perdure::log
