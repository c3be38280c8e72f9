#include "net/objects/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include "engine/base/bytes.h"
#include "net/disk/disk.h"
#include "net/loop/fd.h"

namespace perdure::net {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view digits = "0123456789abcdef";

std::string hex(std::uint64_t number) {
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[15 - i] = digits[(number >> (4 * i)) & 15];
  return text;
}

bool plain(char c, bool first) {
  const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return word || c == '-' || c == '_' || (c == '.' && !first);
}

std::string name_of_key(std::string_view key) {
  std::string name;
  for (const char c : key) {
    if (plain(c, name.empty())) {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      name += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return name;
}

std::string key_of_name(std::string_view name) {
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    unsigned byte = static_cast<unsigned char>(name[i]);
    if (name[i] == '%' && i + 2 < name.size()) {
      std::from_chars(name.data() + i + 1, name.data() + i + 3, byte, 16);
      i += 2;
    }
    key += static_cast<char>(byte);
  }
  return key;
}

// Two independent 64-bit hashes and the length.
std::string etag_of(std::string_view bytes) {
  return hex(hash64(bytes)) + hex(hash64(bytes, bytes.size() + 1));
}

// What follows blocks; errors are errno.

Result<std::string> read_now(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts = {};
  if (!file.open() || ::fstat(file.get(), &facts) != 0) {
    return std::unexpected(disk_error("reading object", path, errno));
  }
  std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
  for (std::size_t taken = 0; taken < bytes.size();) {
    const ::ssize_t count = ::read(file.get(), bytes.data() + taken, bytes.size() - taken);
    if (count <= 0) return std::unexpected(disk_error("reading object", path, errno));
    taken += static_cast<std::size_t>(count);
  }
  return bytes;
}

Result<void> write_new_now(const std::string& path, std::string_view bytes) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.open()) return std::unexpected(disk_error("writing object", path, errno));
  while (!bytes.empty()) {
    const ::ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0) return std::unexpected(disk_error("writing object", path, errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file.get()) != 0) return std::unexpected(disk_error("syncing object", path, errno));
  return {};
}

Result<void> sync_folder_now(const std::string& folder) {
  const Fd file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.open() && ::fsync(file.get()) == 0) return {};
  return std::unexpected(disk_error("syncing bucket", folder, errno));
}

std::unexpected<Error> condition_fails(const std::string& path) {
  return fail(Code::conflict, "object '" + path + "' is not as the condition says");
}

// Gives the finished file `fresh` its name.  All puts pass here one by one.
Result<void> name_now(const std::string& folder, const std::string& fresh, const std::string& path,
                      const io::PutIf& condition) {
  if (condition.kind == io::PutIf::Kind::absent) {
    if (::link(fresh.c_str(), path.c_str()) == 0) return sync_folder_now(folder);
    if (errno == EEXIST) return condition_fails(path);
    return std::unexpected(disk_error("naming object", path, errno));
  }
  const Fd lock(::open((folder + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.open() || ::flock(lock.get(), LOCK_EX) != 0) {
    return std::unexpected(disk_error("locking bucket", folder, errno));
  }
  if (condition.kind == io::PutIf::Kind::etag) {
    const Result<std::string> current = read_now(path);
    if (!current && current.error().code != Code::not_found)
      return std::unexpected(current.error());
    if (!current || etag_of(*current) != condition.etag) return condition_fails(path);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    return std::unexpected(disk_error("naming object", path, errno));
  }
  return sync_folder_now(folder);
}

Result<void> put_now(const std::string& folder, const std::string& fresh, const std::string& path,
                     std::string_view bytes, const io::PutIf& condition) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return std::unexpected(disk_error("making bucket", folder, error.value()));
  Result<void> done = write_new_now(fresh, bytes);
  if (done) done = name_now(folder, fresh, path, condition);
  ::unlink(fresh.c_str());  // gone already after a rename
  return done;
}

}  // namespace

Result<std::string> FolderObjects::path_of(std::string_view key) const {
  std::string name = name_of_key(key);
  if (name.empty() || name.size() > 250) {
    return fail(Code::invalid, "'" + std::string(key) + "' is no key for an object here");
  }
  return folder_ + "/" + name;
}

Result<std::string> FolderObjects::put(std::string_view key, std::string_view bytes,
                                       io::PutIf condition, Instant) {
  TRY(path, path_of(key));
  const std::string fresh = folder_ + "/.new-" + hex(random_.draw("objects.new"));
  Result<void> done;
  offload_.run([&] { done = put_now(folder_, fresh, path, bytes, condition); });
  TRY_VOID(std::move(done));
  return etag_of(bytes);
}

Result<io::Object> FolderObjects::get(std::string_view key, Instant) {
  TRY(path, path_of(key));
  Result<std::string> bytes = fail(Code::failed, "not read");
  offload_.run([&] { bytes = read_now(path); });
  if (!bytes) return std::unexpected(bytes.error());
  std::string etag = etag_of(*bytes);
  return io::Object{.bytes = std::move(*bytes), .etag = std::move(etag)};
}

Result<std::vector<std::string>> FolderObjects::list(std::string_view prefix, Instant) {
  std::vector<std::string> keys;
  std::error_code error;
  offload_.run([&] {
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.starts_with('.')) continue;
      std::string key = key_of_name(name);
      if (key.starts_with(prefix)) keys.push_back(std::move(key));
    }
  });
  if (error && error.value() != ENOENT) {
    return std::unexpected(disk_error("listing bucket", folder_, error.value()));
  }
  std::ranges::sort(keys);
  return keys;
}

Result<void> FolderObjects::remove(std::string_view key, Instant) {
  TRY(path, path_of(key));
  int error = 0;
  offload_.run([&] { error = ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno; });
  if (error != 0) return std::unexpected(disk_error("removing object", path, error));
  return {};
}

}  // namespace perdure::net
