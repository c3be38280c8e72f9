#include "sim/tables/tables.h"

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/io/disk.h"
#include "sim/disk/disk_store.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {

using Rows = TableStore::Rows;

void check_run(const io::Run& run) {
  for (std::size_t i = 0; i < run.changes.size(); ++i) {
    const bool changes_are_sorted = i == 0 || run.changes[i - 1].key < run.changes[i].key;
    CHECK(changes_are_sorted);
  }
  for (const io::EraseRange& range : run.erase_ranges) CHECK(range.from < range.to);
}

std::uint64_t hash_of(const io::Run& run) {
  std::uint64_t hash = run.erase_ranges.size();
  for (const io::Change& change : run.changes) {
    hash = hash64(change.key, hash);
    hash = change.value ? hash64(*change.value, hash) : hash + 1;
  }
  return hash;
}

std::string encode(const Rows& rows) {
  std::string bytes;
  for (const auto& [key, value] : rows) {
    put_be(bytes, static_cast<std::uint32_t>(key.size()));
    put_be(bytes, static_cast<std::uint32_t>(value.size()));
    bytes += key;
    bytes += value;
  }
  const std::uint64_t sum = hash64(bytes);
  put_be(bytes, sum);
  return bytes;
}

Result<Rows> decode(std::string_view bytes) {
  if (bytes.size() < 8) return fail(Code::corrupt, "export is cut off");
  const std::uint64_t sum = get_be<std::uint64_t>(bytes.substr(bytes.size() - 8));
  bytes.remove_suffix(8);
  if (hash64(bytes) != sum) return fail(Code::corrupt, "export does not match its checksum");
  Rows rows;
  while (!bytes.empty()) {
    const auto key_size = get_be<std::uint32_t>(bytes);
    const auto value_size = get_be<std::uint32_t>(bytes.substr(4));
    bytes.remove_prefix(8);
    rows.emplace_hint(rows.end(), bytes.substr(0, key_size), bytes.substr(key_size, value_size));
    bytes.remove_prefix(std::size_t{key_size} + value_size);
  }
  return rows;
}

constexpr std::string_view rows_file = "/rows";

class MemCursor final : public io::Cursor {
 public:
  MemCursor(Shard& shard, std::shared_ptr<const Rows> rows, std::string_view from,
            std::string_view to)
      : shard_(shard), rows_(std::move(rows)), next_(rows_->lower_bound(from)), to_(to) {}

  Result<std::vector<std::pair<std::string, std::string>>> next(std::size_t bytes_max) override {
    using Some = std::vector<std::pair<std::string, std::string>>;
    const Nanos latency =
        shard_.universe().latency(shard_.dice("tables"), shard_.universe().weather.table_read);
    return shard_.perform<Some>(Kind::tables, bytes_max, latency, [&]() -> Result<Some> {
      Some some;
      for (std::size_t bytes = 0; next_ != rows_->end() && next_->first < to_; ++next_) {
        if (bytes >= bytes_max && !some.empty()) break;
        bytes += next_->first.size() + next_->second.size();
        some.emplace_back(next_->first, next_->second);
      }
      return some;
    });
  }

 private:
  Shard& shard_;
  const std::shared_ptr<const Rows> rows_;
  Rows::const_iterator next_;
  const std::string to_;
};

}  // namespace

void TableStore::rot() {
  for (const auto& [family, rows] : families) rotten.insert(family);
}

void TableStore::ingest(std::string_view family, const io::Run& run) {
  std::shared_ptr<Rows>& rows = families.find(family)->second;
  if (rows.use_count() > 1) rows = std::make_shared<Rows>(*rows);
  for (const io::EraseRange& range : run.erase_ranges) {
    rows->erase(rows->lower_bound(range.from), rows->lower_bound(range.to));
  }
  for (const io::Change& change : run.changes) {
    if (change.value) {
      (*rows)[std::string(change.key)] = *change.value;
    } else if (const auto found = rows->find(change.key); found != rows->end()) {
      rows->erase(found);
    }
  }
}

class MemFamily final : public io::Family {
 public:
  MemFamily(MemTables& tables, std::string name) : tables_(tables), name_(std::move(name)) {}
  ~MemFamily() override { tables_.open_.erase(name_); }

  io::Peek peek(std::string_view key, std::string& value) override {
    if (dice().chance(weather().peek_unknown)) return io::Peek::unknown;
    const auto found = rows()->find(key);
    if (found == rows()->end()) return io::Peek::absent;
    value = found->second;
    return io::Peek::value;
  }
  Result<std::optional<std::string>> get(std::string_view key) override {
    return perform<std::optional<std::string>>(hash64(key), read_latency(),
                                               [&] { return find(key); });
  }
  Result<std::vector<std::optional<std::string>>> get_all(
      const std::vector<std::string>& keys) override {
    using Values = std::vector<std::optional<std::string>>;
    return perform<Values>(keys.size(), read_latency(), [&]() -> Result<Values> {
      Values values;
      for (const std::string& key : keys) values.push_back(find(key));
      return values;
    });
  }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view from, std::string_view to) override {
    return std::make_unique<MemCursor>(tables_.shard_, rows(), from, to);
  }
  Result<void> ingest(io::Run run) override {
    const bool one_ingest_at_a_time = !ingesting_;
    CHECK(one_ingest_at_a_time);
    check_run(run);
    ingesting_ = true;
    const Nanos latency =
        std::min(tables_.shard_.universe().latency(dice(), weather().table_ingest) *
                     tables_.shard_.host().disk().slow(),
                 20 * second);
    auto done = perform<void>(hash_of(run), latency, [&]() -> Result<void> {
      store().ingest(name_, run);
      return {};
    });
    ingesting_ = false;
    return done;
  }
  Result<void> export_to(std::string_view folder) override {
    const std::string bytes = encode(*rows());
    TRY_VOID(tables_.disk_.make_folder(folder));
    TRY(file, tables_.disk_.open(std::string(folder).append(rows_file), io::Open::create));
    TRY_VOID(file->truncate(0));
    TRY_VOID(file->write_and_sync(0, as_bytes(bytes)));
    TRY_VOID(tables_.disk_.sync_folder(folder));
    const std::size_t slash = folder.rfind('/');
    return tables_.disk_.sync_folder(slash == folder.npos ? "" : folder.substr(0, slash));
  }

 private:
  TableStore& store() { return tables_.shard_.host().tables(); }
  std::shared_ptr<const Rows> rows() { return store().families.find(name_)->second; }
  std::optional<std::string> find(std::string_view key) {
    const auto found = rows()->find(key);
    return found == rows()->end() ? std::nullopt : std::optional(found->second);
  }
  Dice& dice() { return tables_.shard_.dice("tables"); }
  const faults::Weather& weather() { return tables_.shard_.universe().weather; }
  Nanos read_latency() { return tables_.shard_.universe().latency(dice(), weather().table_read); }
  template <class T, class Effect>
  Result<T> perform(std::uint64_t payload, Nanos latency, Effect&& effect) {
    return tables_.shard_.perform<T>(Kind::tables, payload, latency, std::forward<Effect>(effect));
  }

  MemTables& tables_;
  const std::string name_;
  bool ingesting_ = false;
};

Result<std::unique_ptr<io::Family>> MemTables::open(std::string_view family) {
  if (shard_.host().tables().rotten.contains(family)) {
    return fail(Code::corrupt, std::string(family) + " has rotted");
  }
  const bool opened_once = open_.insert(std::string(family)).second;
  CHECK(opened_once);
  auto& families = shard_.host().tables().families;
  if (!families.contains(family)) families.emplace(family, std::make_shared<Rows>());
  return std::make_unique<MemFamily>(*this, std::string(family));
}

Result<void> MemTables::drop(std::string_view family) {
  const bool is_open = open_.contains(family);
  CHECK(!is_open);
  auto& families = shard_.host().tables().families;
  if (const auto found = families.find(family); found != families.end()) families.erase(found);
  auto& rotten = shard_.host().tables().rotten;
  if (const auto found = rotten.find(family); found != rotten.end()) rotten.erase(found);
  return {};
}

Result<void> MemTables::import_family(std::string_view family, std::string_view folder) {
  auto& families = shard_.host().tables().families;
  if (families.contains(family)) return fail(Code::conflict, "family exists");
  TRY(file, disk_.open(std::string(folder).append(rows_file), io::Open::existing));
  TRY(size, file->size());
  std::string bytes(size, '\0');
  TRY(count, file->read(0, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))));
  TRY(rows, decode(std::string_view(bytes).substr(0, count)));
  families.emplace(family, std::make_shared<Rows>(std::move(rows)));
  return {};
}

Result<std::vector<std::string>> MemTables::list() {
  std::vector<std::string> names;
  for (const auto& [name, rows] : shard_.host().tables().families) names.push_back(name);
  return names;
}

}  // namespace perdure::sim
