#include "net/disk/file.h"

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "net/disk/disk.h"

namespace perdure::net {
namespace {

// Both return 0 or errno, on a thread of a pool.
int write_all(int file, std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<::off_t>(at));
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    at += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

int read_all(int file, std::uint64_t at, std::span<std::byte> into, std::size_t& taken) {
  while (taken < into.size()) {
    const ::ssize_t count =
        ::pread(file, into.data() + taken, into.size() - taken, static_cast<::off_t>(at + taken));
    if (count == 0) return 0;
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    taken += static_cast<std::size_t>(count);
  }
  return 0;
}

// What the page cache holds, without waiting for a device; 0 when that is nothing.
std::size_t read_cached(int file, std::uint64_t at, std::span<std::byte> into) {
  const iovec piece = {.iov_base = into.data(), .iov_len = into.size()};
  const ::ssize_t count = ::preadv2(file, &piece, 1, static_cast<::off_t>(at), RWF_NOWAIT);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

int errno_of(int result) { return result == 0 ? 0 : errno; }

}  // namespace

// Closing the last handle of a removed file frees its blocks, which takes a while.
FolderFile::~FolderFile() {
  others_.pool().submit([file = std::move(file_)]() mutable { file.close(); });
}

std::unexpected<Error> FolderFile::failed(std::string_view doing, int error) const {
  return std::unexpected(disk_error(doing, path_, error));
}

Result<std::size_t> FolderFile::read(std::uint64_t at, std::span<std::byte> into) {
  std::size_t taken = read_cached(file_.get(), at, into);
  if (taken == into.size()) return taken;
  int error = 0;
  others_.run([&] { error = read_all(file_.get(), at, into, taken); });
  if (error != 0) return failed("reading", error);
  return taken;
}

Result<void> FolderFile::write(std::uint64_t at, std::span<const std::byte> bytes) {
  int error = 0;
  others_.run([&] { error = write_all(file_.get(), at, bytes); });
  if (error != 0) return failed("writing", error);
  return {};
}

Result<void> FolderFile::sync() {
  int error = 0;
  syncs_.run([&] { error = errno_of(::fdatasync(file_.get())); });
  if (error != 0) return failed("syncing", error);
  return {};
}

Result<void> FolderFile::write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) {
  int error = 0;
  syncs_.run([&] {
    error = write_all(file_.get(), at, bytes);
    if (error == 0) error = errno_of(::fdatasync(file_.get()));
  });
  if (error != 0) return failed("writing", error);
  return {};
}

Result<std::uint64_t> FolderFile::size() {
  struct stat facts = {};
  if (::fstat(file_.get(), &facts) != 0) return failed("sizing", errno);
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<void> FolderFile::truncate(std::uint64_t size) {
  int error = 0;
  others_.run([&] { error = errno_of(::ftruncate(file_.get(), static_cast<::off_t>(size))); });
  if (error != 0) return failed("truncating", error);
  return {};
}

}  // namespace perdure::net
