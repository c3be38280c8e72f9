#include "net/disk/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "net/disk/file.h"

namespace perdure::net {
namespace {

namespace fs = std::filesystem;

int flags_of(io::Open how) {
  switch (how) {
    case io::Open::existing: return O_RDWR | O_CLOEXEC;
    case io::Open::create: return O_RDWR | O_CLOEXEC | O_CREAT;
    case io::Open::create_new: return O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL;
  }
  UNREACHABLE();
}

// Each of these blocks, and returns errno or 0.

int sync_folder_now(const std::string& path) {
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.open()) return errno;
  return ::fsync(folder.get()) == 0 ? 0 : errno;
}

int make_folder_now(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return 0;
  if (errno != EEXIST) return errno;
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return errno;
  return S_ISDIR(facts.st_mode) ? 0 : ENOTDIR;
}

int remove_folder_now(const std::string& path) {
  std::error_code error;
  const auto removed = fs::remove_all(path, error);
  if (error) return error.value();
  return removed == 0 ? ENOENT : 0;
}

int list_now(const std::string& path, std::vector<std::string>& names) {
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::ranges::sort(names);
  return error.value();
}

}  // namespace

Error disk_error(std::string_view doing, std::string_view path, int error) {
  const auto code = [error] {
    switch (error) {
      case ENOENT: return Code::not_found;
      case EEXIST: return Code::conflict;
      case ENOSPC:
      case EDQUOT:
      case EFBIG: return Code::full;
      case ENOTDIR:
      case EISDIR:
      case ENAMETOOLONG: return Code::invalid;
      default: return Code::failed;
    }
  }();
  return {code, std::string(doing) + " '" + std::string(path) +
                    "': " + std::generic_category().message(error)};
}

Result<std::string> FolderDisk::inside(std::string_view path) const {
  const fs::path relative = path;
  const bool leads_out = relative.is_absolute() || path.contains('\0') ||
                         std::ranges::find(relative, fs::path("..")) != relative.end();
  if (leads_out) return fail(Code::invalid, "path '" + std::string(path) + "' leads out");
  return path.empty() ? root_ : root_ + "/" + std::string(path);
}

Result<std::unique_ptr<io::File>> FolderDisk::open(std::string_view path, io::Open how) {
  TRY(full, inside(path));
  Fd file;
  int error = 0;
  others_.run([&] {
    file = Fd(::open(full.c_str(), flags_of(how), 0644));
    if (!file.open()) error = errno;
  });
  if (error != 0) return std::unexpected(disk_error("opening", path, error));
  return std::make_unique<FolderFile>(std::string(path), std::move(file), syncs_, others_);
}

Result<void> FolderDisk::rename(std::string_view from, std::string_view to) {
  TRY(source, inside(from));
  TRY(target, inside(to));
  int error = 0;
  others_.run([&] { error = ::rename(source.c_str(), target.c_str()) == 0 ? 0 : errno; });
  if (error != 0) return std::unexpected(disk_error("renaming", from, error));
  return {};
}

Result<void> FolderDisk::remove(std::string_view path) {
  TRY(full, inside(path));
  int error = 0;
  others_.run([&] { error = ::unlink(full.c_str()) == 0 ? 0 : errno; });
  if (error != 0) return std::unexpected(disk_error("removing", path, error));
  return {};
}

Result<void> FolderDisk::make_folder(std::string_view path) {
  TRY(full, inside(path));
  int error = 0;
  others_.run([&] { error = make_folder_now(full); });
  if (error != 0) return std::unexpected(disk_error("making folder", path, error));
  return {};
}

Result<void> FolderDisk::remove_folder(std::string_view path) {
  TRY(full, inside(path));
  int error = 0;
  others_.run([&] { error = remove_folder_now(full); });
  if (error != 0) return std::unexpected(disk_error("removing folder", path, error));
  return {};
}

Result<void> FolderDisk::sync_folder(std::string_view path) {
  TRY(full, inside(path));
  int error = 0;
  syncs_.run([&] { error = sync_folder_now(full); });
  if (error != 0) return std::unexpected(disk_error("syncing folder", path, error));
  return {};
}

Result<std::vector<std::string>> FolderDisk::list(std::string_view path) {
  TRY(full, inside(path));
  std::vector<std::string> names;
  int error = 0;
  others_.run([&] { error = list_now(full, names); });
  if (error != 0) return std::unexpected(disk_error("listing", path, error));
  return names;
}

Result<std::uint64_t> FolderDisk::bytes_free() {
  struct statvfs facts = {};
  int error = 0;
  others_.run([&] { error = ::statvfs(root_.c_str(), &facts) == 0 ? 0 : errno; });
  if (error != 0) return std::unexpected(disk_error("asking for free space of", "", error));
  return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

namespace {

// `how` is LOCK_EX or LOCK_SH.  Error: conflict, naming who has it.
Result<void> lock(const Fd& file, int how, const std::string& folder) {
  if (::flock(file.get(), how | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return std::unexpected(disk_error("locking", folder, errno));
  char pid[16] = {};
  [[maybe_unused]] const auto count = ::pread(file.get(), pid, sizeof pid - 1, 0);
  return fail(Code::conflict, "data directory '" + folder + "' is in use by process " + pid);
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder) {
  std::error_code made;
  fs::create_directories(folder, made);
  if (made) return std::unexpected(disk_error("making folder", folder, made.value()));
  const std::string path = folder + "/lock";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.open()) return std::unexpected(disk_error("opening", path, errno));
  TRY_VOID(lock(file, LOCK_EX, folder));
  // For people, and for the message above; the lock is the kernel's.
  const std::string own = std::to_string(::getpid());
  const bool noted =
      ::ftruncate(file.get(), 0) == 0 && ::pwrite(file.get(), own.data(), own.size(), 0) >= 0;
  if (!noted) return std::unexpected(disk_error("writing", path, errno));
  return FolderLock(std::move(file));
}

Result<FolderLock> FolderLock::look(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open() && errno == ENOENT) return FolderLock(Fd());  // nobody ever wrote here
  if (!file.open()) return std::unexpected(disk_error("opening", path, errno));
  TRY_VOID(lock(file, LOCK_SH, folder));
  return FolderLock(std::move(file));
}

}  // namespace perdure::net
