// sim/tables/tables.h
//
// io::Tables as ordered maps in memory.  A TableStore belongs to a machine and outlives
// its processes; a run is ingested whole, at one event, and is durable then.  A crash
// that catches an ingest on its way leaves all of it or nothing, by a coin.
//
// Exports are one file with a checksum, on the machine's disk, synced.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/tables.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class TableStore {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;
  // Shared with cursors and exports: changed in place only while nobody else holds it.
  std::map<std::string, std::shared_ptr<Rows>, std::less<>> families;
  // Families that have rotted: whoever opens one hears so, until it is dropped.
  std::set<std::string, std::less<>> rotten;
  void rot();  // all of them

  void ingest(std::string_view family, const io::Run& run);
};

class MemTables final : public io::Tables {
 public:
  MemTables(Shard& shard, io::Disk& disk) : shard_(shard), disk_(disk) {}

  Result<std::unique_ptr<io::Family>> open(std::string_view family) override;
  Result<void> drop(std::string_view family) override;
  Result<void> import_family(std::string_view family, std::string_view folder) override;
  Result<std::vector<std::string>> list() override;

 private:
  Shard& shard_;
  io::Disk& disk_;
  std::set<std::string, std::less<>> open_;
  friend class MemFamily;
};

}  // namespace perdure::sim
