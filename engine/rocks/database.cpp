#include "engine/rocks/database.h"

#include <rocksdb/db.h>

#include <mutex>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/rocks/core.h"

namespace perdure::rocks {

namespace {

using rocksdb::Status;

// Runs `job` elsewhere and hands its answer back.
template <class Job>
auto away(Offload& offload, Job job) {
  std::optional<decltype(job())> answer;
  offload.run([&] { answer.emplace(job()); });
  CHECK(answer);
  return std::move(*answer);
}

class RocksCursor : public io::Cursor {
 public:
  RocksCursor(Offload& offload, Core& core, Core::Handle family, std::string_view from,
              std::string_view to)
      : offload_(offload), to_(to), to_slice_(to_) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // a long look must not push out what peeks live on
    options.iterate_upper_bound = &to_slice_;
    rows_.reset(core.db().NewIterator(options, family));
    rows_->Seek(slice_of(from));
  }

  using Rows = std::vector<std::pair<std::string, std::string>>;
  Result<Rows> next(std::size_t bytes_max) override {
    return away(offload_, [&]() -> Result<Rows> {
      Rows batch;
      for (std::size_t bytes = 0; rows_->Valid() && (batch.empty() || bytes < bytes_max);
           rows_->Next()) {
        batch.emplace_back(rows_->key().ToString(), rows_->value().ToString());
        bytes += batch.back().first.size() + batch.back().second.size();
      }
      if (!rows_->status().ok()) return std::unexpected(error_of(rows_->status(), "scan"));
      return batch;
    });
  }

 private:
  Offload& offload_;
  const std::string to_;
  const rocksdb::Slice to_slice_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

class EmptyCursor : public io::Cursor {
 public:
  Result<std::vector<std::pair<std::string, std::string>>> next(std::size_t) override {
    return std::vector<std::pair<std::string, std::string>>();
  }
};

// One that is new is made by its first run or export, not by being opened: making a column
// family costs several syncs, one after the other, and a server that starts opens them all.
class RocksFamily : public io::Family {
 public:
  RocksFamily(Offload& offload, Core& core, std::string name)
      : offload_(offload), core_(core), name_(std::move(name)), handle_(core.find_family(name_)) {}

  io::Peek peek(std::string_view key, std::string& value) override {
    const Core::Handle handle = this->handle();
    if (handle == nullptr) return io::Peek::absent;
    rocksdb::ReadOptions options;
    options.read_tier = rocksdb::kBlockCacheTier;
    // Not Get(): of a file that is not open it says ok, and gives an empty value.
    bool known = false;
    if (!core_.db().KeyMayExist(options, handle, slice_of(key), &value, &known)) {
      return io::Peek::absent;
    }
    return known ? io::Peek::value : io::Peek::unknown;
  }

  using Value = std::optional<std::string>;
  Result<Value> get(std::string_view key) override {
    return away(offload_, [&] { return get_now(key); });
  }
  Result<std::vector<Value>> get_all(const std::vector<std::string>& keys) override {
    return away(offload_, [&]() -> Result<std::vector<Value>> {
      std::vector<Value> values;
      for (const std::string& key : keys) {
        TRY(value, get_now(key));
        values.push_back(std::move(value));
      }
      return values;
    });
  }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view from, std::string_view to) override {
    const Core::Handle handle = this->handle();
    if (handle == nullptr) return std::make_unique<EmptyCursor>();
    return away(offload_, [&]() -> Result<std::unique_ptr<io::Cursor>> {
      return std::make_unique<RocksCursor>(offload_, core_, handle, from, to);
    });
  }
  Result<void> ingest(io::Run run) override {
    return away(offload_, [&]() -> Result<void> {
      TRY(handle, made());
      return core_.ingest(handle, run);
    });
  }
  Result<void> export_to(std::string_view folder) override {
    return away(offload_, [&]() -> Result<void> {
      TRY(handle, made());
      return core_.export_family(handle, folder);
    });
  }

 private:
  Core::Handle handle() {
    const std::lock_guard guard(lock_);
    return handle_;
  }
  Result<Core::Handle> made() {
    if (const Core::Handle known = handle()) return known;
    TRY(handle, core_.open_family(name_));
    const std::lock_guard guard(lock_);
    return handle_ = handle;
  }
  Result<Value> get_now(std::string_view key) {
    const Core::Handle handle = this->handle();
    if (handle == nullptr) return std::nullopt;
    rocksdb::PinnableSlice pinned;
    const Status status = core_.db().Get({}, handle, slice_of(key), &pinned);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(error_of(status, "get"));
    return pinned.ToString();
  }

  Offload& offload_;
  Core& core_;
  const std::string name_;
  SpinLock lock_;                  // handle_: set elsewhere, while the loop peeks
  Core::Handle handle_ = nullptr;  // null: it has never held anything
};

class RocksTables : public io::Tables {
 public:
  RocksTables(Offload& offload, Core& core) : offload_(offload), core_(core) {}

  Result<std::unique_ptr<io::Family>> open(std::string_view family) override {
    return std::make_unique<RocksFamily>(offload_, core_, std::string(family));
  }
  Result<void> drop(std::string_view family) override {
    return away(offload_, [&] { return core_.drop_family(family); });
  }
  Result<void> import_family(std::string_view family, std::string_view folder) override {
    return away(offload_, [&] { return core_.import_family(family, folder); });
  }
  Result<std::vector<std::string>> list() override { return core_.families(); }

 private:
  Offload& offload_;
  Core& core_;
};

}  // namespace

Database::Database(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(Options options, rocksdb::Env* env) {
  TRY(core, Core::open(std::move(options), env));
  return std::unique_ptr<Database>(new Database(std::move(core)));
}

Result<std::unique_ptr<Database>> Database::open_or_begin_anew(
    Options options, const std::function<void(const Error&)>& dropped, rocksdb::Env* env) {
  Result<std::unique_ptr<Database>> opened = open(options, env);
  if (opened || opened.error().code != Code::corrupt) return opened;
  dropped(opened.error());
  TRY_VOID(destroy(options, env));
  return open(std::move(options), env);
}

Result<void> Database::destroy(const Options& options, rocksdb::Env* env) {
  return Core::destroy(options, env);
}

std::unique_ptr<io::Tables> Database::front(Offload& offload) {
  return std::make_unique<RocksTables>(offload, *core_);
}

std::optional<Error> Database::broken() const { return core_->broken(); }

Database::Usage Database::usage() const { return core_->usage(); }

}  // namespace perdure::rocks
