// engine/rocks/database.h
//
// RocksDB as io::Tables: one database a node, one column family a partition.
//
//     Database     one a process; what is behind it is thread-safe
//       front()    one a shard: io::Tables, light, with the shard's own Offload
//         open()   io::Family: the partition's
//
// No write-ahead log and no memtable: the log is the truth, and rows come only as runs,
// each written as one sorted file that is linked in by one MANIFEST record.  So a crash
// leaves a run whole or not at all, and files never change once they are made, which is
// what makes exports by hard link safe.  Measured against a batch and a flush:
// docs/decisions/checkpoint-by-ingest.md.
//
// After a fatal background error (the MANIFEST could not be written) every call fails:
// broken() says why.  The cure is a new Database over the same folder and a replay from
// the log; if that will not open, an empty one (open_or_begin_anew) and a replay or import.
//
// Not here: threads.  Calls block; the host's Offload parks the fiber meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/result.h"
#include "engine/io/tables.h"

namespace rocksdb {
class Env;
}

namespace perdure::rocks {

// Runs a job that blocks, elsewhere, while the calling fiber is parked; returns when it
// has run, and is not cut short by a cancel.  A simulator runs it at once, on a stack of
// 256 KiB (io::Stack::large).
class Offload {
 public:
  virtual ~Offload() = default;
  virtual void run(std::move_only_function<void()> job) = 0;
};

struct Options {
  std::string data_folder;                                // folders of exports are relative to it
  std::string folder = "tables";                          // in it, all that is the database's
  std::size_t block_cache_bytes = std::size_t{64} << 20;  // filled as blocks are read
  int open_files_max = 400;
  int background_jobs_max = 2;
  std::size_t file_bytes = std::size_t{16} << 20;  // of one file below level 0
  bool compress = true;
};

class Core;

class Database {
 public:
  // Blocks.  Errors: corrupt, full, failed (for instance: another process has it open).
  // `env` is for simulators, and outlives the Database; null is the operating system.
  static Result<std::unique_ptr<Database>> open(Options options, rocksdb::Env* env = nullptr);
  // The same, but what is corrupt is deleted and begun anew, empty: tables may go at any
  // time, they come back from a snapshot and the log.  `dropped` is told why, if it was.
  static Result<std::unique_ptr<Database>> open_or_begin_anew(
      Options options, const std::function<void(const Error&)>& dropped,
      rocksdb::Env* env = nullptr);
  // Deletes all of it; none is open.
  static Result<void> destroy(const Options& options, rocksdb::Env* env = nullptr);
  ~Database();  // blocks; after its fronts and their families

  // Outlived by the Database and by `offload`.
  std::unique_ptr<io::Tables> front(Offload& offload);

  // The fatal background error, if there was one.
  std::optional<Error> broken() const;
  // Files of all families at level 0, and bytes of memory the caches and tables take.
  struct Usage {
    std::uint64_t files_at_level_0 = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t file_bytes = 0;
  };
  Usage usage() const;

 private:
  explicit Database(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace perdure::rocks
