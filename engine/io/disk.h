// engine/io/disk.h
//
// Files and folders, as the engine may use them.  Paths are relative to the data
// directory, with '/', without '..'.
//
// Promised   What sync() returned ok for survives the loss of power.  read() returns
//            the last write() of this process to those bytes.  A name that was made,
//            renamed or removed stays so after sync_folder() of its folder.
// Allowed    Unsynced writes may survive, vanish, or tear at any 512-byte line,
//            each on its own.  Unsynced names likewise.  Synced bytes may rot later:
//            so checksum, always.  Any call may take minutes, or fail; after a failed
//            sync() the unsynced bytes of that file are in doubt for ever: a later
//            sync() that succeeds says nothing about them.
//            A failed write may have written some of the bytes.
// Not here   memory mapping; O_APPEND: the caller knows where it writes.
//
// Calls park the calling fiber, never the thread, and are not cut short by a cancel:
// bytes given to a write stay borrowed until it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace perdure::io {

class File {
 public:
  virtual ~File() = default;
  // Short only at the end of the file.
  virtual Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) = 0;
  // All or an error.  Beyond the end the file grows, zeros between.  Error: full.
  virtual Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) = 0;
  virtual Result<void> sync() = 0;
  // write() then sync() in one trip to the disk: what a log wants.
  virtual Result<void> write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
};

enum class Open { existing, create, create_new };  // create_new: conflict when it is there

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> open(std::string_view path, Open) = 0;
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;  // replaces `to`
  virtual Result<void> remove(std::string_view path) = 0;                       // a file
  virtual Result<void> make_folder(std::string_view path) = 0;    // fine when it is there
  virtual Result<void> remove_folder(std::string_view path) = 0;  // with all it holds
  virtual Result<void> sync_folder(std::string_view path) = 0;
  // Names in the folder, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(std::string_view path) = 0;
  virtual Result<std::uint64_t> bytes_free() = 0;
};

}  // namespace perdure::io
