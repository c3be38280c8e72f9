// engine/rocks/core.h
//
// What database.h hides: the open database, its handles, and the blocking work on them.
// Every function here blocks; all but the peek of a family run inside an Offload.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/tables.h"
#include "engine/rocks/database.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Slice;
class Status;
struct ColumnFamilyOptions;
struct Options;
}  // namespace rocksdb

namespace perdure::rocks {

Error error_of(const rocksdb::Status& status, std::string_view doing);
rocksdb::Slice slice_of(std::string_view bytes);

// Held for a look at a map, never across a call of the database.
class SpinLock {
 public:
  void lock() {
    while (held_.test_and_set(std::memory_order_acquire)) {
    }
  }
  void unlock() { held_.clear(std::memory_order_release); }

 private:
  std::atomic_flag held_;
};

class Core {
 public:
  static Result<std::unique_ptr<Core>> open(Options options, rocksdb::Env* env);
  static Result<void> destroy(const Options& options, rocksdb::Env* env);
  ~Core();

  using Handle = rocksdb::ColumnFamilyHandle*;
  rocksdb::DB& db() { return *db_; }

  Handle find_family(std::string_view name);  // null: there is none.  Does not block
  Result<Handle> open_family(std::string_view name);
  Result<void> drop_family(std::string_view name);
  std::vector<std::string> families();

  Result<void> ingest(Handle family, const io::Run& run);
  Result<void> export_family(Handle family, std::string_view folder);
  Result<void> import_family(std::string_view name, std::string_view folder);

  std::optional<Error> broken() const;
  Database::Usage usage();

 private:
  class Listener;
  Core(Options options, rocksdb::Env* env);
  Result<void> make_folder(const std::string& path, const std::string& parent);
  Result<void> open_database();
  std::string run_path();
  Result<void> write_run(const std::string& name, const io::Run& run,
                         std::vector<std::string>& files);
  Result<void> link_run(Handle family, const std::vector<std::string>& files);
  Result<void> drop_files(Handle family, const io::Run& run);
  bool erases_much(Handle family, const io::Run& run);
  Result<std::vector<std::pair<std::string, std::string>>> tombstone_spans(Handle family);
  Result<void> settle_tombstones(Handle family);
  Result<void> resume_if_broken();

  const Options options_;
  rocksdb::Env* const env_;
  const std::string database_folder_, runs_folder_;
  std::shared_ptr<Listener> listener_;
  const std::unique_ptr<rocksdb::Options> database_options_;
  const std::unique_ptr<rocksdb::ColumnFamilyOptions> family_options_;
  std::unique_ptr<rocksdb::DB> db_;
  SpinLock lock_;  // handles_ and runs_
  std::map<std::string, Handle, std::less<>> handles_;
  std::uint64_t runs_ = 0;
};

}  // namespace perdure::rocks
