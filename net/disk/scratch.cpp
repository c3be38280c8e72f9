#include "net/disk/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "net/disk/disk.h"
#include "net/loop/fd.h"

namespace perdure::net {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t block_bytes = 64 << 10;
constexpr std::uint64_t bytes_free_told = std::uint64_t{1} << 40;

}  // namespace

// One file: what the folder has of it, below the blocks that were written here.
class ScratchDisk::Content {
 public:
  Content() = default;
  Content(std::string path, Fd file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), below_(size), size_(size) {}

  std::uint64_t size() const { return size_; }

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) {
    if (at >= size_) return std::size_t{0};
    into = into.first(std::min<std::uint64_t>(into.size(), size_ - at));
    for (std::size_t done = 0; done < into.size();) {
      const std::uint64_t begin = (at + done) % block_bytes;
      const std::size_t count = std::min<std::uint64_t>(into.size() - done, block_bytes - begin);
      const std::span<std::byte> piece = into.subspan(done, count);
      if (const auto block = blocks_.find((at + done) / block_bytes); block != blocks_.end()) {
        std::ranges::copy(std::span(block->second).subspan(begin, count), piece.begin());
      } else {
        TRY_VOID(read_below(at + done, piece));
      }
      done += count;
    }
    return into.size();
  }

  Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const std::uint64_t begin = (at + done) % block_bytes;
      const std::size_t count = std::min<std::uint64_t>(bytes.size() - done, block_bytes - begin);
      TRY(block, block_of((at + done) / block_bytes));
      std::ranges::copy(bytes.subspan(done, count),
                        block->begin() + static_cast<std::ptrdiff_t>(begin));
      done += count;
    }
    size_ = std::max(size_, at + bytes.size());
    return {};
  }

  Result<void> truncate(std::uint64_t size) {
    // What is cut off reads as zeros should the file grow again.
    below_ = std::min(below_, size);
    blocks_.erase(blocks_.lower_bound((size + block_bytes - 1) / block_bytes), blocks_.end());
    if (const auto last = blocks_.find(size / block_bytes); last != blocks_.end()) {
      std::ranges::fill(std::span(last->second).subspan(size % block_bytes), std::byte{0});
    }
    size_ = size;
    return {};
  }

 private:
  Result<void> read_below(std::uint64_t at, std::span<std::byte> into) const {
    std::ranges::fill(into, std::byte{0});
    if (at >= below_) return {};
    into = into.first(std::min<std::uint64_t>(into.size(), below_ - at));
    for (std::size_t done = 0; done < into.size();) {
      const ::ssize_t count = ::pread(file_.get(), into.data() + done, into.size() - done,
                                      static_cast<::off_t>(at + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::unexpected(disk_error("reading", path_, errno));
      if (count == 0) return {};  // it was cut meanwhile
      done += static_cast<std::size_t>(count);
    }
    return {};
  }

  Result<std::vector<std::byte>*> block_of(std::uint64_t number) {
    if (const auto found = blocks_.find(number); found != blocks_.end()) return &found->second;
    std::vector<std::byte> block(block_bytes);
    TRY_VOID(read_below(number * block_bytes, block));
    return &(blocks_[number] = std::move(block));
  }

  std::string path_;
  Fd file_;
  std::uint64_t below_ = 0;  // bytes that are the folder's
  std::uint64_t size_ = 0;
  std::map<std::uint64_t, std::vector<std::byte>> blocks_;
};

class ScratchDisk::OpenFile final : public io::File {
 public:
  explicit OpenFile(std::shared_ptr<Content> content) : content_(std::move(content)) {}

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) override {
    return content_->read(at, into);
  }
  Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) override {
    return content_->write(at, bytes);
  }
  Result<void> sync() override { return {}; }
  Result<void> write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) override {
    return content_->write(at, bytes);
  }
  Result<std::uint64_t> size() override { return content_->size(); }
  Result<void> truncate(std::uint64_t size) override { return content_->truncate(size); }

 private:
  const std::shared_ptr<Content> content_;
};

Result<std::shared_ptr<ScratchDisk::Content>> ScratchDisk::find(std::string_view path) {
  if (const auto found = files_.find(path); found != files_.end()) return found->second;
  const std::string where = full(path);
  Fd file(::open(where.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open() && errno == ENOENT) return std::shared_ptr<Content>();
  if (!file.open()) return std::unexpected(disk_error("opening", path, errno));
  struct stat facts = {};
  if (::fstat(file.get(), &facts) != 0) {
    return std::unexpected(disk_error("looking at", path, errno));
  }
  if (!S_ISREG(facts.st_mode)) return std::unexpected(disk_error("opening", path, EISDIR));
  auto content = std::make_shared<Content>(std::string(path), std::move(file),
                                           static_cast<std::uint64_t>(facts.st_size));
  files_[std::string(path)] = content;
  return content;
}

Result<std::unique_ptr<io::File>> ScratchDisk::open(std::string_view path, io::Open how) {
  TRY(content, find(path));
  if (content != nullptr && how == io::Open::create_new) {
    return std::unexpected(disk_error("opening", path, EEXIST));
  }
  if (content == nullptr) {
    if (how == io::Open::existing) return std::unexpected(disk_error("opening", path, ENOENT));
    content = std::make_shared<Content>();
    files_[std::string(path)] = content;
  }
  return std::make_unique<OpenFile>(content);
}

Result<void> ScratchDisk::rename(std::string_view from, std::string_view to) {
  TRY(content, find(from));
  if (content == nullptr) return std::unexpected(disk_error("renaming", from, ENOENT));
  files_[std::string(to)] = content;
  files_[std::string(from)] = nullptr;
  return {};
}

Result<void> ScratchDisk::remove(std::string_view path) {
  TRY(content, find(path));
  if (content == nullptr) return std::unexpected(disk_error("removing", path, ENOENT));
  files_[std::string(path)] = nullptr;
  return {};
}

Result<void> ScratchDisk::make_folder(std::string_view path) {
  folders_.emplace(path);
  return {};
}

Result<void> ScratchDisk::remove_folder(std::string_view path) {
  return fail(Code::invalid, "'" + std::string(path) + "' is kept: somebody is only looking");
}

Result<void> ScratchDisk::sync_folder(std::string_view) { return {}; }

Result<std::vector<std::string>> ScratchDisk::list(std::string_view path) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(full(path), error), end; !error && entry != end;
       entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  if (error && !folders_.contains(path)) {
    return std::unexpected(disk_error("listing", path, error.value()));
  }
  const std::string prefix = path.empty() ? "" : std::string(path) + "/";
  for (const auto& [name, content] : files_) {
    if (!name.starts_with(prefix) || name.find('/', prefix.size()) != name.npos) continue;
    if (content != nullptr) {
      names.insert(name.substr(prefix.size()));
    } else {
      names.erase(name.substr(prefix.size()));
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::uint64_t> ScratchDisk::bytes_free() { return bytes_free_told; }

}  // namespace perdure::net
