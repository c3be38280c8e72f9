#include "tests/support/crash_disk.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace tests {

using perdure::Code;
using perdure::fail;
using perdure::Result;
namespace io = perdure::io;

namespace {
constexpr std::uint64_t sector = 512;
}

class CrashFile final : public io::File {
 public:
  CrashFile(CrashDisk& disk, std::shared_ptr<CrashDisk::Content> content)
      : disk_(disk), content_(std::move(content)) {}

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) override {
    disk_.pause();
    if (disk_.reads_to_fail_ > 0) {
      --disk_.reads_to_fail_;
      return fail(Code::failed, "read failed");
    }
    const std::string& bytes = content_->now;
    if (at >= bytes.size()) return std::size_t{0};
    const std::size_t length = std::min<std::size_t>(into.size(), bytes.size() - at);
    std::memcpy(into.data(), bytes.data() + at, length);
    return length;
  }
  Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) override {
    disk_.pause();
    return put(at, bytes);
  }
  Result<void> sync() override {
    disk_.pause();
    return make_durable();
  }
  Result<void> write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) override {
    disk_.pause();
    if (auto written = put(at, bytes); !written) return written;
    disk_.pause();
    return make_durable();
  }
  Result<std::uint64_t> size() override { return content_->now.size(); }
  Result<void> truncate(std::uint64_t size) override {
    disk_.pause();
    if (!disk_.effect()) disk_.never_return();
    CrashDisk::Write write{.truncate_to = size};
    CrashDisk::apply(write, content_->now);
    content_->unsynced.push_back(std::move(write));
    return {};
  }

 private:
  Result<void> put(std::uint64_t at, std::span<const std::byte> bytes) {
    const std::uint64_t end = at + bytes.size();
    if (end > content_->now.size()) {
      if (auto room = disk_.room_for(end - content_->now.size()); !room) return room;
    }
    const bool goes_on = disk_.effect();
    std::string copy(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!goes_on) copy.resize(disk_.below(copy.size() + 1));
    CrashDisk::Write write{.at = at, .bytes = std::move(copy)};
    CrashDisk::apply(write, content_->now);
    content_->unsynced.push_back(std::move(write));
    if (!goes_on) disk_.never_return();
    return {};
  }
  Result<void> make_durable() {
    if (!disk_.effect()) disk_.never_return();
    ++disk_.syncs_;
    if (disk_.syncs_to_fail_ > 0) {
      --disk_.syncs_to_fail_;
      // What reached the disk has; the rest is read from the cache, but never written.
      disk_.tear(content_->unsynced, content_->durable);
      content_->unsynced.clear();
      return fail(Code::failed, "sync failed");
    }
    for (const CrashDisk::Write& write : content_->unsynced) {
      CrashDisk::apply(write, content_->durable);
    }
    content_->unsynced.clear();
    return {};
  }

  CrashDisk& disk_;
  const std::shared_ptr<CrashDisk::Content> content_;
};

// --- names ---

Result<std::unique_ptr<io::File>> CrashDisk::open(std::string_view path, io::Open mode) {
  pause();
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (mode == io::Open::existing) return fail(Code::not_found, std::string(path));
    if (!effect()) never_return();
    found = names_.emplace(std::string(path), std::make_shared<Content>()).first;
    unsynced_.push_back(names_);
  } else if (mode == io::Open::create_new) {
    return fail(Code::conflict, std::string(path));
  }
  return std::make_unique<CrashFile>(*this, found->second);
}

Result<void> CrashDisk::rename(std::string_view from, std::string_view to) {
  pause();
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Code::not_found, std::string(from));
  if (!effect()) never_return();
  names_[std::string(to)] = found->second;
  names_.erase(std::string(from));
  unsynced_.push_back(names_);
  return {};
}

Result<void> CrashDisk::remove(std::string_view path) {
  pause();
  const auto found = names_.find(path);
  if (found == names_.end()) return fail(Code::not_found, std::string(path));
  if (!effect()) never_return();
  names_.erase(found);
  unsynced_.push_back(names_);
  return {};
}

Result<void> CrashDisk::make_folder(std::string_view) { return {}; }

Result<void> CrashDisk::remove_folder(std::string_view path) {
  pause();
  if (!effect()) never_return();
  std::erase_if(
      names_, [&](const auto& entry) { return entry.first.starts_with(std::string(path) + "/"); });
  unsynced_.push_back(names_);
  return {};
}

Result<void> CrashDisk::sync_folder(std::string_view) {
  pause();
  if (!effect()) never_return();
  ++syncs_;
  durable_names_ = names_;
  unsynced_.clear();
  return {};
}

Result<std::vector<std::string>> CrashDisk::list(std::string_view path) {
  pause();
  const std::string folder = path.empty() ? "" : std::string(path) + "/";
  std::vector<std::string> found;
  for (const auto& [name, content] : names_) {
    if (!name.starts_with(folder)) continue;
    const std::string rest = name.substr(folder.size());
    const std::string first = rest.substr(0, rest.find('/'));
    if (found.empty() || found.back() != first) found.push_back(first);
  }
  return found;
}

Result<std::uint64_t> CrashDisk::bytes_free() {
  return limit_ ? *limit_ - std::min(*limit_, used()) : UINT64_MAX;
}

// --- misfortunes ---

void CrashDisk::lose_power() {
  // A prefix of the changes of names survives.
  if (!unsynced_.empty()) {
    const std::uint64_t kept = below(unsynced_.size() + 1);
    if (kept > 0) durable_names_ = unsynced_[kept - 1];
  }
  unsynced_.clear();
  names_ = durable_names_;
  for (auto& [name, content] : names_) {
    tear(content->unsynced, content->durable);
    content->now = content->durable;
    content->unsynced.clear();
  }
  kill_process();
}

void CrashDisk::kill_process() {
  crashed_ = false;
  crash_at_ = UINT64_MAX;
  syncs_to_fail_ = reads_to_fail_ = 0;
}

// Each sector of each write on its own: there, lost, or neither.
void CrashDisk::tear(const std::vector<Write>& writes, std::string& durable) {
  for (const Write& write : writes) {
    if (write.truncate_to) {
      if (below(2) == 0) apply(write, durable);
      continue;
    }
    const std::uint64_t mode = below(4);  // all, nothing, a coin for each sector (twice)
    for (std::uint64_t at = write.at; at < write.at + write.bytes.size();) {
      const std::uint64_t next =
          std::min((at / sector + 1) * sector, write.at + write.bytes.size());
      Write part{.at = at, .bytes = write.bytes.substr(at - write.at, next - at)};
      const bool lost = mode == 1 || (mode >= 2 && below(2) == 0);
      if (!lost) {
        apply(part, durable);
      } else if (mode == 3 && below(4) == 0) {
        for (char& c : part.bytes) c = static_cast<char>(random_());
        apply(part, durable);
      }
      at = next;
    }
  }
}

void CrashDisk::flip(const std::string& path, std::uint64_t at) {
  Content& content = *names_.at(path);
  content.now.at(at) = static_cast<char>(content.now.at(at) ^ 0x40);
  content.durable.at(at) = content.now.at(at);
}

void CrashDisk::overwrite(const std::string& path, std::uint64_t at, std::string_view bytes) {
  Content& content = *names_.at(path);
  content.now.replace(at, bytes.size(), bytes);
  content.durable.replace(at, bytes.size(), bytes);
}

void CrashDisk::put(const std::string& path, std::string bytes) {
  const auto content = std::make_shared<Content>();
  content->now = content->durable = std::move(bytes);
  names_[path] = content;
  durable_names_[path] = content;
}

// --- for looking ---

std::vector<std::string> CrashDisk::paths() const {
  std::vector<std::string> found;
  for (const auto& [name, content] : names_) found.push_back(name);
  return found;
}

std::string CrashDisk::bytes(const std::string& path) const { return names_.at(path)->now; }

std::uint64_t CrashDisk::used() const {
  std::uint64_t total = 0;
  for (const auto& [name, content] : names_) total += content->now.size();
  return total;
}

// --- within ---

bool CrashDisk::effect() {
  if (crashed_) return false;
  crashed_ = ++effects_ >= crash_at_;
  return !crashed_;
}

void CrashDisk::never_return() {
  while (true) (void)fibers_->park(io::never, io::Heed::deadline_only);
}

void CrashDisk::pause() {
  if (crashed_) never_return();
  const perdure::Duration latency(static_cast<std::int64_t>(below(200'000)));
  const perdure::Instant until = fibers_->now() + latency;
  while (fibers_->now() < until) (void)fibers_->park(until, io::Heed::deadline_only);
  if (crashed_) never_return();
}

void CrashDisk::apply(const Write& write, std::string& to) {
  if (write.truncate_to) {
    to.resize(*write.truncate_to, '\0');
    return;
  }
  if (to.size() < write.at + write.bytes.size()) to.resize(write.at + write.bytes.size(), '\0');
  to.replace(write.at, write.bytes.size(), write.bytes);
}

Result<void> CrashDisk::room_for(std::uint64_t more) const {
  if (limit_ && used() + more > *limit_) return fail(Code::full, "no space left on device");
  return {};
}

}  // namespace tests
