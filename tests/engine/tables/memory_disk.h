// tests/engine/tables/memory_disk.h
//
// io::Disk as a map from paths to bytes; folders are the prefixes of files, and stay
// when they are made.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/io/disk.h"

namespace tests {

using namespace perdure;

class MemoryDisk : public io::Disk {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> folders;
  std::string fails_below;  // writes to paths that begin so answer full

  Result<std::unique_ptr<io::File>> open(std::string_view path, io::Open mode) override {
    const std::string name(path);
    const bool there = files.contains(name);
    if (mode == io::Open::existing && !there) return fail(Code::not_found, "no file " + name);
    if (mode == io::Open::create_new && there) return fail(Code::conflict, "there is " + name);
    return std::make_unique<MemoryFile>(*this, name);
  }
  Result<void> rename(std::string_view from, std::string_view to) override {
    files[std::string(to)] = files.at(std::string(from));
    return remove(from);
  }
  Result<void> remove(std::string_view path) override {
    files.erase(std::string(path));
    return {};
  }
  Result<void> make_folder(std::string_view path) override {
    folders.insert(std::string(path));
    return {};
  }
  Result<void> remove_folder(std::string_view path) override {
    const std::string inside = std::string(path) + "/";
    std::erase_if(files, [&](const auto& file) { return file.first.starts_with(inside); });
    std::erase_if(folders,
                  [&](const auto& folder) { return folder == path || folder.starts_with(inside); });
    return {};
  }
  Result<void> sync_folder(std::string_view) override { return {}; }
  Result<std::vector<std::string>> list(std::string_view path) override {
    const std::string inside = std::string(path) + "/";
    std::set<std::string> names;
    const auto add = [&](const std::string& name) {
      if (!name.starts_with(inside)) return;
      const std::string rest = name.substr(inside.size());
      names.insert(rest.substr(0, rest.find('/')));
    };
    for (const auto& [name, bytes] : files) add(name);
    std::ranges::for_each(folders, add);
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<std::uint64_t> bytes_free() override { return std::uint64_t{1} << 40; }

 private:
  class MemoryFile : public io::File {
   public:
    MemoryFile(MemoryDisk& disk, std::string name) : disk_(disk), bytes_(disk.files[name]) {
      name_ = std::move(name);
    }
    Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) override {
      if (at >= bytes_.size()) return std::size_t{0};
      const std::size_t count = std::min<std::size_t>(into.size(), bytes_.size() - at);
      std::memcpy(into.data(), bytes_.data() + at, count);
      return count;
    }
    Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) override {
      if (!disk_.fails_below.empty() && name_.starts_with(disk_.fails_below)) {
        return fail(Code::full, "no space");
      }
      bytes_.resize(std::max<std::size_t>(bytes_.size(), at + bytes.size()));
      std::memcpy(bytes_.data() + at, bytes.data(), bytes.size());
      return {};
    }
    Result<void> sync() override { return {}; }
    Result<void> write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) override {
      return write(at, bytes);
    }
    Result<std::uint64_t> size() override { return bytes_.size(); }
    Result<void> truncate(std::uint64_t size) override {
      bytes_.resize(size);
      return {};
    }

   private:
    MemoryDisk& disk_;
    std::string name_;
    std::string& bytes_;
  };
};

}  // namespace tests
