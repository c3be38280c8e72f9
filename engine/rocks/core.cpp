#include "engine/rocks/core.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <mutex>

namespace perdure::rocks {

namespace {

using rocksdb::Status;

class Silent : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  Silent() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  void Logv(const char*, va_list) override {}
  void Logv(rocksdb::InfoLogLevel, const char*, va_list) override {}
};

rocksdb::CompressionType compression(bool wanted) {
  const auto known = rocksdb::GetSupportedCompressions();
  const bool has_lz4 = std::ranges::find(known, rocksdb::kLZ4Compression) != known.end();
  return wanted && has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

// Filters and indexes stay with the open table, outside of the block cache, so that a
// peek is answered without it.
rocksdb::ColumnFamilyOptions family_options_of(const Options& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes, 4);
  table.block_size = 8 << 10;
  table.checksum = rocksdb::kXXH3;  // Debian's CRC32C is the slow one
  table.format_version = 5;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = compression(options.compress);
  family.write_buffer_size = 64 << 10;  // never written to
  family.arena_block_size = 4 << 10;
  family.level_compaction_dynamic_level_bytes = true;
  family.level0_file_num_compaction_trigger = 4;
  family.target_file_size_base = options.file_bytes;
  family.max_bytes_for_level_base = options.file_bytes * 8;
  family.periodic_compaction_seconds = 0;
  family.ttl = 0;
  return family;
}

rocksdb::Options database_options_of(const Options& options, rocksdb::Env* env) {
  rocksdb::Options database;
  database.env = env;
  database.create_if_missing = true;
  database.info_log = std::make_shared<Silent>();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  database.max_background_jobs = options.background_jobs_max;
  database.max_subcompactions = 1;
  database.max_open_files = options.open_files_max;
  database.max_file_opening_threads = 1;
  database.allow_concurrent_memtable_write = false;
  database.avoid_flush_during_shutdown = true;
  database.avoid_unnecessary_blocking_io = true;  // a cursor's end deletes no files itself
  database.max_bgerror_resume_count = 0;          // no recovery thread: see resume_if_broken()
  database.skip_stats_update_on_db_open = true;
  database.skip_checking_sst_file_sizes_on_db_open = true;
  database.use_adaptive_mutex = false;
  database.db_host_id = "perdure";
  return database;
}

}  // namespace

Error error_of(const Status& status, std::string_view doing) {
  const std::string detail = std::string(doing) + ": " + status.ToString();
  if (status.IsCorruption()) return {Code::corrupt, detail};
  if (status.IsPathNotFound()) return {Code::corrupt, detail};  // it names a file that is gone
  if (status.IsNoSpace()) return {Code::full, detail};
  if (status.IsNotFound()) return {Code::not_found, detail};
  return {Code::failed, detail};
}

rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// Keeps the worst background error.
class Core::Listener : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, Status* status) override {
    const std::lock_guard guard(lock_);
    if (!worst_.ok() && worst_.severity() >= status->severity()) return;
    worst_ = *status;
  }
  Status worst() const {
    const std::lock_guard guard(lock_);
    return worst_;
  }
  void forget() {
    const std::lock_guard guard(lock_);
    worst_ = Status::OK();
  }

 private:
  mutable SpinLock lock_;
  Status worst_;
};

Core::Core(Options options, rocksdb::Env* env)
    : options_(std::move(options)),
      env_(env ? env : rocksdb::Env::Default()),
      database_folder_(options_.data_folder + "/" + options_.folder + "/db"),
      runs_folder_(options_.data_folder + "/" + options_.folder + "/runs"),
      listener_(std::make_shared<Listener>()),
      database_options_(std::make_unique<rocksdb::Options>(database_options_of(options_, env_))),
      family_options_(std::make_unique<rocksdb::ColumnFamilyOptions>(family_options_of(options_))) {
  database_options_->listeners.push_back(listener_);
}

Result<std::unique_ptr<Core>> Core::open(Options options, rocksdb::Env* env) {
  std::unique_ptr<Core> core(new Core(std::move(options), env));
  TRY_VOID(core->open_database());
  return core;
}

// A name that was never synced takes all that lies below it along when the power goes.
Result<void> Core::make_folder(const std::string& path, const std::string& parent) {
  if (env_->FileExists(path).ok()) return {};
  Status status = env_->CreateDirIfMissing(path);
  std::unique_ptr<rocksdb::Directory> names;
  if (status.ok() && !parent.empty()) status = env_->NewDirectory(parent, &names);
  if (names) status = names->Fsync();
  if (!status.ok()) return std::unexpected(error_of(status, "make folder"));
  return {};
}

Result<void> Core::open_database() {
  const std::string parent = options_.data_folder + "/" + options_.folder;
  TRY_VOID(make_folder(options_.data_folder, ""));
  TRY_VOID(make_folder(parent, options_.data_folder));
  TRY_VOID(make_folder(database_folder_, parent));
  TRY_VOID(make_folder(runs_folder_, parent));
  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  if (env_->FileExists(database_folder_ + "/CURRENT").ok()) {
    const Status listed =
        rocksdb::DB::ListColumnFamilies(*database_options_, database_folder_, &names);
    if (!listed.ok()) return std::unexpected(error_of(listed, "list families"));
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) families.emplace_back(name, *family_options_);
  std::vector<Handle> handles;
  rocksdb::DB* db = nullptr;
  const Status opened =
      rocksdb::DB::Open(*database_options_, database_folder_, families, &handles, &db);
  if (!opened.ok()) return std::unexpected(error_of(opened, "open tables"));
  db_.reset(db);
  for (std::size_t i = 0; i < names.size(); ++i) handles_[names[i]] = handles[i];
  std::vector<std::string> left_over;  // of runs that a crash cut short
  if (env_->GetChildren(runs_folder_, &left_over).ok()) {
    for (const std::string& name : left_over) {
      if (!name.starts_with("."))
        env_->DeleteFile(runs_folder_ + "/" + name).PermitUncheckedError();
    }
  }
  return {};
}

Core::~Core() {
  if (!db_) return;
  rocksdb::CancelAllBackgroundWork(db_.get(), true);
  for (const auto& [name, handle] : handles_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db_->Close().PermitUncheckedError();
}

Result<void> Core::destroy(const Options& options, rocksdb::Env* env) {
  const Core names(options, env);
  const Status gone = rocksdb::DestroyDB(names.database_folder_, *names.database_options_);
  if (!gone.ok()) return std::unexpected(error_of(gone, "destroy tables"));
  return {};
}

// --- families --------------------------------------------------------------------------

Core::Handle Core::find_family(std::string_view name) {
  const std::lock_guard guard(lock_);
  const auto known = handles_.find(name);
  return known == handles_.end() ? nullptr : known->second;
}

Result<Core::Handle> Core::open_family(std::string_view name) {
  if (const Handle known = find_family(name)) return known;
  Handle handle = nullptr;
  const Status made = db_->CreateColumnFamily(*family_options_, std::string(name), &handle);
  if (!made.ok()) return std::unexpected(error_of(made, "make family"));
  const std::lock_guard guard(lock_);
  return handles_[std::string(name)] = handle;
}

Result<void> Core::drop_family(std::string_view name) {
  Handle handle = nullptr;
  {
    const std::lock_guard guard(lock_);
    const auto known = handles_.find(name);
    if (known == handles_.end()) return {};
    handle = known->second;
    handles_.erase(known);
  }
  const Status dropped = db_->DropColumnFamily(handle);
  db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  if (!dropped.ok()) return std::unexpected(error_of(dropped, "drop family"));
  return {};
}

std::vector<std::string> Core::families() {
  const std::lock_guard guard(lock_);
  std::vector<std::string> names;
  for (const auto& [name, handle] : handles_) {
    if (name != rocksdb::kDefaultColumnFamilyName) names.push_back(name);
  }
  return names;
}

// --- health ------------------------------------------------------------------------------

std::optional<Error> Core::broken() const {
  const Status worst = listener_->worst();
  if (worst.ok() || worst.severity() < Status::Severity::kFatalError) return std::nullopt;
  return error_of(worst, "tables stopped");
}

// A full disk stops the database until it is asked to go on; anything worse is final.
Result<void> Core::resume_if_broken() {
  if (const auto fatal = broken()) return std::unexpected(*fatal);
  const Status worst = listener_->worst();
  if (worst.ok()) return {};
  const Status resumed = db_->Resume();
  if (!resumed.ok()) return std::unexpected(error_of(resumed, "resume tables"));
  listener_->forget();
  return {};
}

Database::Usage Core::usage() {
  Database::Usage usage;
  std::uint64_t cache = 0;
  db_->GetAggregatedIntProperty("rocksdb.estimate-table-readers-mem", &usage.memory_bytes);
  db_->GetIntProperty("rocksdb.block-cache-usage", &cache);
  db_->GetAggregatedIntProperty("rocksdb.total-sst-files-size", &usage.file_bytes);
  usage.memory_bytes += cache;
  const std::lock_guard guard(lock_);
  for (const auto& [name, handle] : handles_) {
    std::string files;
    db_->GetProperty(handle, "rocksdb.num-files-at-level0", &files);
    usage.files_at_level_0 += files.empty() ? 0 : std::stoull(files);
  }
  return usage;
}

}  // namespace perdure::rocks
