// sim/rocks/disk_files.h
//
// rocksdb::FileSystem over a simulated disk, for disk_env.h.
//
// Appends are written through to the disk's cache at once; what a power loss leaves of
// them is the disk's affair, as it is for the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sim/disk/disk_store.h"

namespace rocksdb {
class FileSystem;
class SystemClock;
}  // namespace rocksdb

namespace perdure::sim {

// What the files and their env know of the process that uses them.
struct DiskUse {
  DiskStore& disk;
  std::function<Nanos()> now;
  std::uint64_t changes_left = UINT64_MAX;  // then the process is gone

  bool gone() const { return changes_left == 0; }
  bool may_change() { return changes_left > 0 && changes_left-- > 0; }
  DiskStore& at_now() const {
    disk.set_now(now());
    return disk;
  }
};

std::shared_ptr<rocksdb::FileSystem> make_disk_files(std::shared_ptr<DiskUse> use);
std::shared_ptr<rocksdb::SystemClock> make_disk_clock(std::shared_ptr<DiskUse> use);

}  // namespace perdure::sim
