// tests/support/crash_disk.h
//
// A disk in memory that breaks on order: for tests of what stands directly on io::Disk.
// The simulator's disk serves whole nodes; this one lets a test choose the very effect
// at which power is lost, rot a byte, and look at what is durable.
//
//     CrashDisk disk(fibers, seed);
//     disk.crash_at(17);            // the 17th write, sync or rename from now never returns
//     ... run until disk.crashed(), then unwind the fibers ...
//     disk.lose_power();            // unsynced sectors and names: kept, lost or garbled
//
// Every call that changes something is one effect.  The fiber of the effect at which the
// crash falls is parked for ever; half of its write may have happened.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "engine/io/fibers.h"

namespace tests {

class CrashDisk final : public perdure::io::Disk {
 public:
  CrashDisk(perdure::io::Fibers& fibers, std::uint64_t seed) : fibers_(&fibers), random_(seed) {}

  // --- as the engine sees it ---
  perdure::Result<std::unique_ptr<perdure::io::File>> open(std::string_view path,
                                                           perdure::io::Open mode) override;
  perdure::Result<void> rename(std::string_view from, std::string_view to) override;
  perdure::Result<void> remove(std::string_view path) override;
  perdure::Result<void> make_folder(std::string_view path) override;
  perdure::Result<void> remove_folder(std::string_view path) override;
  perdure::Result<void> sync_folder(std::string_view path) override;
  perdure::Result<std::vector<std::string>> list(std::string_view path) override;
  perdure::Result<std::uint64_t> bytes_free() override;

  // --- misfortunes ---
  void crash_at(std::uint64_t effects_from_now) { crash_at_ = effects_ + effects_from_now; }
  bool crashed() const { return crashed_; }
  void lose_power();    // and a new process may begin
  void kill_process();  // unsynced writes stay readable, and in doubt
  void run_on(perdure::io::Fibers& fibers) { fibers_ = &fibers; }  // of the new process
  void fail_syncs(std::uint32_t count) { syncs_to_fail_ = count; }
  void fail_reads(std::uint32_t count) { reads_to_fail_ = count; }
  void limit(std::optional<std::uint64_t> bytes) { limit_ = bytes; }
  void flip(const std::string& path, std::uint64_t at);  // one byte of it rots
  void overwrite(const std::string& path, std::uint64_t at, std::string_view bytes);
  void put(const std::string& path, std::string bytes);  // a whole file, durable

  // --- for looking ---
  std::uint64_t effects() const { return effects_; }
  std::uint64_t syncs() const { return syncs_; }
  std::vector<std::string> paths() const;
  std::string bytes(const std::string& path) const;
  std::uint64_t used() const;

 private:
  friend class CrashFile;
  struct Write {
    std::uint64_t at = 0;
    std::string bytes;
    std::optional<std::uint64_t> truncate_to;
  };
  struct Content {
    std::string now;      // what this process reads
    std::string durable;  // what power cannot take
    std::vector<Write> unsynced;
  };
  using Names = std::map<std::string, std::shared_ptr<Content>, std::less<>>;

  bool effect();  // false: this is where the crash falls, or later
  [[noreturn]] void never_return();
  void pause();  // every call parks a little
  static void apply(const Write& write, std::string& to);
  void tear(const std::vector<Write>& writes, std::string& durable);
  perdure::Result<void> room_for(std::uint64_t more) const;
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  perdure::io::Fibers* fibers_;
  std::mt19937_64 random_;
  Names names_;                  // as this process sees them
  std::vector<Names> unsynced_;  // after each change since the last sync_folder()
  Names durable_names_;
  std::uint64_t effects_ = 0, crash_at_ = UINT64_MAX, syncs_ = 0;
  bool crashed_ = false;
  std::uint32_t syncs_to_fail_ = 0, reads_to_fail_ = 0;
  std::optional<std::uint64_t> limit_;
};

}  // namespace tests
