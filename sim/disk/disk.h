// sim/disk/disk.h
//
// io::Disk over a DiskStore: the calls of one process, with their latencies, errors and
// the chance that a crash catches them on their way.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "sim/disk/disk_store.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class SimDisk final : public io::Disk {
 public:
  explicit SimDisk(Shard& shard) : shard_(shard) {}

  Result<std::unique_ptr<io::File>> open(std::string_view path, io::Open mode) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view path) override;
  Result<void> make_folder(std::string_view path) override;
  Result<void> remove_folder(std::string_view path) override;
  Result<void> sync_folder(std::string_view path) override;
  Result<std::vector<std::string>> list(std::string_view path) override;
  Result<std::uint64_t> bytes_free() override;

 private:
  Shard& shard_;
};

}  // namespace perdure::sim
