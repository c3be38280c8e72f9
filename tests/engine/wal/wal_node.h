// tests/engine/wal/wal_node.h
//
// A process with one Wal on a CrashDisk, which can die and come back.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/wal/wal.h"
#include "host/manual_loop.h"
#include "tests/support/crash_disk.h"
#include "tests/support/silent_trace.h"

namespace perdure::wal {

// Small, so that a test of a second sees many segments.
inline Options tiny_options() {
  return {.folder = "wal/0",
          .stream_id = 0x1234'5678'9abc'def0,
          .segment_bytes = 32 << 10,
          .first_segment_bytes = 8 << 10,
          .bytes_max = 1 << 20,
          .batch_bytes_max = 4 << 10,
          .unsynced_bytes_max = 16 << 10,
          .memory_bytes = 16 << 10,
          .read_window_bytes = 4 << 10,
          .read_windows = 2};
}

class Heard final : public Listener {
 public:
  void durable(LogletId loglet, Offset last) override { last_[loglet] = last; }
  void failed(const Error& why) override { failure = why.detail; }
  Offset last(std::uint64_t loglet) const {
    const auto found = last_.find(LogletId(loglet));
    return found == last_.end() ? Offset(0) : found->second;
  }
  std::string failure;

 private:
  std::map<LogletId, Offset> last_;
};

class WalNode {
 public:
  explicit WalNode(std::uint64_t seed = 1, Options with = tiny_options())
      : options(std::move(with)),
        loop(std::make_unique<host::ManualLoop>()),
        disk(loop->fibers, seed) {}
  ~WalNode() { loop->scheduler.kill_all(); }

  // Runs as a fiber of the process; false when it never ended (a crash, a stall).
  bool run(std::function<void()> body) { return loop->run(std::move(body)); }

  // Opens the stream, which must go well.
  void start() { ASSERT_TRUE(try_start()) << error; }
  bool try_start() {
    error.clear();
    const bool ended = run([this] {
      auto opened = Wal::open(disk, loop->fibers, trace, options);
      if (opened) {
        wal = std::move(*opened);
      } else {
        error = std::string(name_of(opened.error().code)) + ": " + opened.error().detail;
      }
    });
    return ended && wal != nullptr;
  }
  // The process is gone between two turns, or in the middle of one (disk.crash_at).
  void die() {
    loop->scheduler.kill_all();
    wal.reset();
    loop = std::make_unique<host::ManualLoop>();
    disk.run_on(loop->fibers);
  }
  void lose_power() { die(), disk.lose_power(); }
  void kill() { die(), disk.kill_process(); }

  Result<Position> append(std::uint64_t loglet, std::uint64_t offset, std::string_view bytes,
                          Admission admission = Admission::ordinary) {
    return wal->append({.loglet = LogletId(loglet),
                        .offset = Offset(offset),
                        .bytes = bytes,
                        .admission = admission});
  }
  // Appended and durable.
  Result<void> write(std::uint64_t loglet, std::uint64_t offset, std::string_view bytes) {
    TRY(at, append(loglet, offset, bytes));
    return wal->wait_durable(at);
  }
  std::string read(std::uint64_t loglet, std::uint64_t offset) {
    auto records = wal->read(LogletId(loglet), Offset(offset), Offset(offset), 1);
    if (!records) return std::string(name_of(records.error().code)) + "!";
    return records->at(0).bytes;
  }
  std::string only_segment() const {
    for (const std::string& path : disk.paths()) {
      if (path.ends_with(".segment")) return path;
    }
    return "";
  }

  Options options;
  std::unique_ptr<host::ManualLoop> loop;
  tests::CrashDisk disk;
  tests::SilentTrace trace;
  std::unique_ptr<Wal> wal;
  std::string error;
};

}  // namespace perdure::wal
