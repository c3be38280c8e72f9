// net/disk/disk.h
//
// io::Disk over a folder of the machine's.
//
// Calls that may wait for a device run on a pool, and the fiber parks.  There are two:
// `syncs` only ever writes and syncs, so that a commit does not queue behind the
// deletion of a folder or a RocksDB compaction; `others` does everything else.  Reads
// of what the page cache holds are answered on the loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "net/loop/fd.h"
#include "net/loop/offload.h"

namespace perdure::net {

class FolderDisk : public io::Disk {
 public:
  // `root` exists.  The offloads outlive every file.
  FolderDisk(std::string root, Offload& syncs, Offload& others)
      : root_(std::move(root)), syncs_(syncs), others_(others) {}

  Result<std::unique_ptr<io::File>> open(std::string_view path, io::Open) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view path) override;
  Result<void> make_folder(std::string_view path) override;
  Result<void> remove_folder(std::string_view path) override;
  Result<void> sync_folder(std::string_view path) override;
  Result<std::vector<std::string>> list(std::string_view path) override;
  Result<std::uint64_t> bytes_free() override;

 private:
  // Error: invalid, for a path that would lead out of the root.
  Result<std::string> inside(std::string_view path) const;

  const std::string root_;
  Offload& syncs_;
  Offload& others_;
};

// `errno` as one of our codes.
Error disk_error(std::string_view doing, std::string_view path, int error);

// The lock on a data directory: one process at a time.  Held as long as the value
// lives; the kernel lets go of it when the process dies, however it dies.
class FolderLock {
 public:
  // Makes the folder if it is absent.  Errors: conflict (another process holds it; the
  // detail names its pid), full, invalid, failed.
  static Result<FolderLock> take(const std::string& folder);
  // For who only looks: writes nothing, and keeps others from beginning to.  Error: the same.
  static Result<FolderLock> look(const std::string& folder);

 private:
  explicit FolderLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace perdure::net
