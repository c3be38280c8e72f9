#include "sim/disk/disk_store.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "engine/base/check.h"

namespace perdure::sim {

namespace {

constexpr DiskStore::Inode root = 0;

Result<std::vector<std::string>> split(std::string_view path) {
  std::vector<std::string> parts;
  if (path.starts_with('/')) return fail(Code::invalid, "path is not relative");
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part == "..") return fail(Code::invalid, "path has '..'");
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

std::unexpected<Error> absent(std::string_view path) {
  return fail(Code::not_found, "no such file or folder: " + std::string(path));
}

}  // namespace

DiskStore::DiskStore(std::uint64_t seed, std::uint64_t entity, std::uint64_t capacity)
    : dice_(seed, "disk.power_loss", entity), capacity_(capacity) {
  folders_[root];
}

// --- names ---

Result<DiskStore::Place> DiskStore::find(std::string_view path) const {
  TRY(parts, split(path));
  if (parts.empty()) return fail(Code::invalid, "path names the root");
  Inode folder = root;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const Names& names = folders_.at(folder).live;
    const auto next = names.find(parts[i]);
    if (next == names.end() || !folders_.contains(next->second)) return absent(path);
    folder = next->second;
  }
  const Names& names = folders_.at(folder).live;
  const auto last = names.find(parts.back());
  return Place{.folder = folder,
               .name = parts.back(),
               .target = last == names.end() ? std::nullopt : std::optional(last->second)};
}

Result<DiskStore::Inode> DiskStore::find_folder(std::string_view path) const {
  TRY(parts, split(path));
  if (parts.empty()) return root;
  TRY(place, find(path));
  if (!place.target || !folders_.contains(*place.target)) return absent(path);
  return *place.target;
}

void DiskStore::apply(const NameChange& change, Names& names) {
  for (const auto& [name, target] : change) {
    if (target) {
      names[name] = *target;
    } else {
      names.erase(name);
    }
  }
}

void DiskStore::change(Inode folder, NameChange change) {
  Folder& changed = folders_.at(folder);
  apply(change, changed.live);
  changed.unsynced.push_back(std::move(change));
}

Result<DiskStore::Inode> DiskStore::open(std::string_view path, io::Open mode) {
  TRY(place, find(path));
  if (place.target) {
    if (mode == io::Open::create_new) return fail(Code::conflict, "file exists");
    if (folders_.contains(*place.target)) return fail(Code::invalid, "is a folder");
    ++files_.at(*place.target).held;
    return *place.target;
  }
  if (mode == io::Open::existing) return absent(path);
  const Inode made = next_inode_++;
  files_[made].held = 1;
  change(place.folder, {{place.name, made}});
  return made;
}

void DiskStore::release(Inode file) {
  const auto found = files_.find(file);
  if (found != files_.end() && found->second.held > 0) --found->second.held;
}

Result<void> DiskStore::rename(std::string_view from, std::string_view to) {
  TRY(source, find(from));
  TRY(target, find(to));
  if (!source.target) return absent(from);
  if (source.folder == target.folder) {
    if (source.name == target.name) return {};
    change(source.folder, {{source.name, std::nullopt}, {target.name, source.target}});
  } else {
    change(target.folder, {{target.name, source.target}});
    change(source.folder, {{source.name, std::nullopt}});
  }
  return {};
}

Result<void> DiskStore::link(std::string_view from, std::string_view to) {
  TRY(source, find(from));
  TRY(target, find(to));
  if (!source.target) return absent(from);
  if (folders_.contains(*source.target)) return fail(Code::invalid, "is a folder");
  if (target.target) return fail(Code::conflict, "file exists");
  change(target.folder, {{target.name, source.target}});
  return {};
}

Result<void> DiskStore::remove(std::string_view path) {
  TRY(place, find(path));
  if (!place.target) return absent(path);
  if (folders_.contains(*place.target)) return fail(Code::invalid, "is a folder");
  change(place.folder, {{place.name, std::nullopt}});
  return {};
}

Result<void> DiskStore::make_folder(std::string_view path) {
  TRY(parts, split(path));
  if (parts.empty()) return {};
  TRY(place, find(path));
  if (place.target) {
    if (folders_.contains(*place.target)) return {};
    return fail(Code::conflict, "a file is there");
  }
  const Inode made = next_inode_++;
  folders_[made];
  change(place.folder, {{place.name, made}});
  return {};
}

Result<void> DiskStore::remove_folder(std::string_view path) {
  TRY(place, find(path));
  if (!place.target) return absent(path);
  if (!folders_.contains(*place.target)) return fail(Code::invalid, "is a file");
  change(place.folder, {{place.name, std::nullopt}});
  return {};
}

Result<void> DiskStore::sync_folder(std::string_view path) {
  TRY(inode, find_folder(path));
  Folder& folder = folders_.at(inode);
  folder.durable = folder.live;
  folder.unsynced.clear();
  collect_garbage();
  return {};
}

Result<std::vector<std::string>> DiskStore::list(std::string_view path) const {
  TRY(inode, find_folder(path));
  std::vector<std::string> names;
  for (const auto& [name, target] : folders_.at(inode).live) names.push_back(name);
  return names;
}

// --- bytes ---

Result<std::size_t> DiskStore::read(Inode file, std::uint64_t at, std::span<std::byte> into) const {
  const std::string& bytes = files_.at(file).bytes;
  if (at >= bytes.size()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - at);
  std::memcpy(into.data(), bytes.data() + at, count);
  return count;
}

Result<void> DiskStore::check_room(std::uint64_t grow_by) const {
  if (grow_by == 0) return {};
  if (now_ < full_until_ || used_ + grow_by > capacity_) return fail(Code::full, "no space left");
  return {};
}

void DiskStore::apply(const Unsynced& write, std::string& bytes) {
  if (!write.bytes) {
    bytes.resize(write.at);
    return;
  }
  if (bytes.size() < write.at + write.bytes->size()) bytes.resize(write.at + write.bytes->size());
  std::copy(write.bytes->begin(), write.bytes->end(),
            bytes.begin() + static_cast<std::ptrdiff_t>(write.at));
}

Result<void> DiskStore::write(Inode inode, std::uint64_t at, std::string_view bytes) {
  File& file = files_.at(inode);
  const std::uint64_t end = at + bytes.size();
  const std::uint64_t grow_by = end > file.bytes.size() ? end - file.bytes.size() : 0;
  TRY_VOID(check_room(grow_by));
  used_ += grow_by;
  file.unsynced.push_back({.number = ++writes_, .at = at, .bytes = std::string(bytes)});
  apply(file.unsynced.back(), file.bytes);
  return {};
}

Result<void> DiskStore::truncate(Inode inode, std::uint64_t size) {
  File& file = files_.at(inode);
  if (size > file.bytes.size()) TRY_VOID(check_room(size - file.bytes.size()));
  used_ += size;
  used_ -= file.bytes.size();
  file.unsynced.push_back({.number = ++writes_, .at = size, .bytes = std::nullopt});
  apply(file.unsynced.back(), file.bytes);
  return {};
}

Result<std::uint64_t> DiskStore::size(Inode inode) const {
  const auto file = files_.find(inode);
  if (file == files_.end()) return fail(Code::failed, "the file went with the power");
  return file->second.bytes.size();
}

Result<void> DiskStore::sync(Inode inode, std::uint64_t up_to) {
  File& file = files_.at(inode);
  const auto end = std::ranges::find_if(
      file.unsynced, [up_to](const Unsynced& write) { return write.number > up_to; });
  for (auto write = file.unsynced.begin(); write != end; ++write) apply(*write, file.durable);
  file.unsynced.erase(file.unsynced.begin(), end);
  return {};
}

void DiskStore::fail_sync(Inode inode, std::uint64_t up_to) {
  File& file = files_.at(inode);
  std::erase_if(file.unsynced,
                [&](const Unsynced& write) { return write.number <= up_to && dice_.chance(0.5); });
}

std::uint64_t DiskStore::bytes_free(Nanos now) const {
  return now < full_until_ || used_ >= capacity_ ? 0 : capacity_ - used_;
}

bool DiskStore::rot(std::uint64_t where, std::uint32_t bits) {
  std::uint64_t bytes = 0;
  for (const auto& [inode, file] : files_) bytes += file.durable.size();
  if (bytes == 0) return false;
  for (std::uint32_t i = 0; i < bits; ++i) {
    std::uint64_t at = draw(where, "rot", i, 0) % bytes;
    const auto flip = static_cast<char>(1u << draw(where, "rot", i, 1) % 8);
    for (auto& [inode, file] : files_) {
      if (at >= file.durable.size()) {
        at -= file.durable.size();
        continue;
      }
      file.durable[at] = static_cast<char>(file.durable[at] ^ flip);
      if (at < file.bytes.size()) file.bytes[at] = static_cast<char>(file.bytes[at] ^ flip);
      break;
    }
  }
  return true;
}

void DiskStore::heal() {
  full_until_ = stalled_until_ = 0;
  slow_ = 1;
  syncs_to_fail_ = reads_to_fail_ = writes_to_fail_ = 0;
}

// --- power ---

void DiskStore::power_loss() {
  for (auto& [inode, file] : files_) lose_unsynced(file);
  for (auto& [inode, folder] : folders_) lose_unsynced(folder);
  collect_garbage();
}

void DiskStore::lose_unsynced(File& file) {
  if (!file.unsynced.empty()) {
    enum class Fate { keep, drop, tear };
    const auto fate_of_all = static_cast<Fate>(dice_.below(3));
    for (const Unsynced& write : file.unsynced) {
      // Half of the time all share one fate: whole tails are kept or lost together.
      const Fate fate = dice_.chance(0.5) ? fate_of_all : static_cast<Fate>(dice_.below(3));
      if (fate == Fate::drop) continue;
      if (fate == Fate::keep || !write.bytes) {
        apply(write, file.durable);
        continue;
      }
      const std::uint64_t end = write.at + write.bytes->size();
      for (std::uint64_t from = write.at; from < end;) {
        const std::uint64_t to = std::min(end, (from / sector + 1) * sector);
        if (dice_.chance(0.5)) {
          apply({.number = 0, .at = from, .bytes = write.bytes->substr(from - write.at, to - from)},
                file.durable);
        }
        from = to;
      }
    }
  }
  used_ += file.durable.size();
  used_ -= file.bytes.size();
  file.unsynced.clear();
  file.bytes = file.durable;
  file.held = 0;
}

void DiskStore::lose_unsynced(Folder& folder) {
  if (!folder.unsynced.empty()) {
    const bool by_prefix = dice_.chance(0.5);
    const std::uint64_t prefix = dice_.below(folder.unsynced.size() + 1);
    for (std::size_t i = 0; i < folder.unsynced.size(); ++i) {
      if (by_prefix ? i < prefix : dice_.chance(0.5)) apply(folder.unsynced[i], folder.durable);
    }
    folder.unsynced.clear();
  }
  folder.live = folder.durable;
}

void DiskStore::collect_garbage() {
  std::set<Inode> reached;
  std::vector<Inode> to_visit = {root};
  while (!to_visit.empty()) {
    const Inode inode = to_visit.back();
    to_visit.pop_back();
    if (!reached.insert(inode).second) continue;
    const auto folder = folders_.find(inode);
    if (folder == folders_.end()) continue;
    for (const auto& [name, target] : folder->second.live) to_visit.push_back(target);
    for (const auto& [name, target] : folder->second.durable) to_visit.push_back(target);
    for (const NameChange& change : folder->second.unsynced) {
      for (const auto& [name, target] : change) {
        if (target) to_visit.push_back(*target);
      }
    }
  }
  std::erase_if(folders_, [&](const auto& each) { return !reached.contains(each.first); });
  std::erase_if(files_, [&](const auto& each) {
    const bool gone = !reached.contains(each.first) && each.second.held == 0;
    if (gone) used_ -= each.second.bytes.size();
    return gone;
  });
}

std::optional<std::string> DiskStore::durable_bytes(std::string_view path) const {
  const std::string* bytes = durable(path);
  return bytes == nullptr ? std::nullopt : std::optional(*bytes);
}

const std::string* DiskStore::durable(std::string_view path) const {
  const auto parts = split(path);
  if (!parts) return nullptr;
  Inode inode = root;
  for (const std::string& part : *parts) {
    const auto folder = folders_.find(inode);
    if (folder == folders_.end()) return nullptr;
    const auto next = folder->second.durable.find(part);
    if (next == folder->second.durable.end()) return nullptr;
    inode = next->second;
  }
  const auto file = files_.find(inode);
  return file == files_.end() ? nullptr : &file->second.durable;
}

std::optional<std::string> DiskStore::bytes(std::string_view path) const {
  const auto place = find(path);
  if (!place || !place->target || !files_.contains(*place->target)) return std::nullopt;
  return files_.at(*place->target).bytes;
}

}  // namespace perdure::sim
