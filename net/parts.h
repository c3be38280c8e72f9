// net/parts.h
//
// The parts of a World that the engine itself makes: HTTP over our streams, and tables
// in the one RocksDB of the process.
//
//     Parts parts;                       outlives the Process
//     TRY(process, Process::make(options, parts.factories()));
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/rocks/database.h"
#include "net/world.h"

namespace perdure::net {

class Parts {
 public:
  Parts();
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  // The database is opened by the first call of `tables`, when the data directory is
  // locked.  Its errors refuse the start.
  Factories factories();

  // Of the database; nullptr before it was opened.
  const rocks::Database* database() const { return database_.get(); }

 private:
  class OnPool;

  Result<std::unique_ptr<io::Tables>> tables(const ShardParts& shard);

  std::unique_ptr<rocks::Database> database_;
  std::vector<std::unique_ptr<OnPool>> offloads_;
};

}  // namespace perdure::net
