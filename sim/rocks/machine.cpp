#include "sim/rocks/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/rocks/database.h"
#include "faults/weather.h"
#include "sim/disk/disk_store.h"
#include "sim/rocks/disk_env.h"
#include "sim/world/host.h"
#include "sim/world/shard.h"
#include "sim/world/universe.h"

namespace perdure::sim {

// Runs a job as an event, after the latency that was told for it.
class RocksMachine::Offload final : public rocks::Offload {
 public:
  Offload(RocksMachine& machine, Shard& shard) : machine_(machine), shard_(shard) {}

  void run(std::move_only_function<void()> job) override {
    const auto entered = [this, &job] {
      const DiskEnv::Entered here(*machine_.env_);
      job();
    };
    // A process that is gone asks only from destructors, and reaches nothing any more.
    if (!shard_.carry_out(Kind::tables, 0, latency(), entered)) entered();
  }
  // Of the next call, which is an ingest or an export.
  void expect_long() { long_ = true; }

 private:
  Nanos latency() {
    const faults::Weather& weather = machine_.universe_.weather;
    Dice& dice = shard_.dice("tables");
    if (!std::exchange(long_, false)) {
      return machine_.universe_.latency(dice, weather.table_read);
    }
    return std::min(
        machine_.universe_.latency(dice, weather.table_ingest) * machine_.host_.disk().slow(),
        20 * second);
  }

  RocksMachine& machine_;
  Shard& shard_;
  bool long_ = false;
};

// The family, whose peeks find less in memory than there is.
class RocksMachine::TimedFamily final : public io::Family {
 public:
  TimedFamily(RocksMachine& machine, Shard& shard, Offload& offload,
              std::unique_ptr<io::Family> family)
      : machine_(machine), shard_(shard), offload_(offload), family_(std::move(family)) {}

  io::Peek peek(std::string_view key, std::string& value) override {
    if (shard_.dice("tables").chance(machine_.universe_.weather.peek_unknown)) {
      return io::Peek::unknown;
    }
    const DiskEnv::Entered here(*machine_.env_);
    return family_->peek(key, value);
  }
  Result<std::optional<std::string>> get(std::string_view key) override {
    return family_->get(key);
  }
  Result<std::vector<std::optional<std::string>>> get_all(
      const std::vector<std::string>& keys) override {
    return family_->get_all(keys);
  }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view from, std::string_view to) override {
    TRY(cursor, family_->scan(from, to));
    return std::make_unique<EnteredCursor>(*machine_.env_, std::move(cursor));
  }
  Result<void> ingest(io::Run run) override {
    offload_.expect_long();
    return family_->ingest(std::move(run));
  }
  Result<void> export_to(std::string_view folder) override {
    offload_.expect_long();
    return family_->export_to(folder);
  }

 private:
  // Its end lets go of files.
  class EnteredCursor final : public io::Cursor {
   public:
    EnteredCursor(DiskEnv& env, std::unique_ptr<io::Cursor> cursor)
        : env_(env), cursor_(std::move(cursor)) {}
    ~EnteredCursor() override {
      const DiskEnv::Entered here(env_);
      cursor_.reset();
    }
    Result<std::vector<std::pair<std::string, std::string>>> next(std::size_t bytes_max) override {
      return cursor_->next(bytes_max);
    }

   private:
    DiskEnv& env_;
    std::unique_ptr<io::Cursor> cursor_;
  };

  RocksMachine& machine_;
  Shard& shard_;
  Offload& offload_;
  const std::unique_ptr<io::Family> family_;
};

class RocksMachine::Front final : public io::Tables {
 public:
  Front(RocksMachine& machine, Shard& shard)
      : machine_(machine), shard_(shard), offload_(machine, shard) {}

  Result<std::unique_ptr<io::Family>> open(std::string_view family) override {
    TRY_VOID(ready());
    TRY(opened, tables_->open(family));
    return std::make_unique<TimedFamily>(machine_, shard_, offload_, std::move(opened));
  }
  Result<void> drop(std::string_view family) override {
    TRY_VOID(ready());
    return tables_->drop(family);
  }
  Result<void> import_family(std::string_view family, std::string_view folder) override {
    TRY_VOID(ready());
    return tables_->import_family(family, folder);
  }
  Result<std::vector<std::string>> list() override {
    TRY_VOID(ready());
    return tables_->list();
  }

 private:
  Result<void> ready() {
    if (tables_) return {};
    Result<void> opened;
    offload_.expect_long();
    offload_.run([&] { opened = machine_.open_now(); });
    if (!opened) return opened;
    if (!tables_) tables_ = machine_.database_->front(offload_);
    return {};
  }

  RocksMachine& machine_;
  Shard& shard_;
  Offload offload_;
  std::unique_ptr<io::Tables> tables_;
};

RocksMachine::RocksMachine(Universe& universe, Host& host, Life life)
    : universe_(universe),
      host_(host),
      life_(life),
      dice_(universe.dice("rocks", std::uint64_t{life.host} << 32 | life.incarnation)),
      env_(std::make_unique<DiskEnv>(DiskEnv::Parts{
          .disk = host.disk(),
          .now = [&universe] { return universe.loop.now(); },
          .queued =
              [this] {
                const Nanos latency = universe_.latency(dice_, universe_.weather.table_ingest);
                universe_.loop.after(latency, life_, Kind::tables, 1, [this] { env_->run_one(); });
              },
          .seed = dice_.next()})) {}

RocksMachine::~RocksMachine() {
  die();
  const DiskEnv::Entered here(*env_);
  database_.reset();
}

std::unique_ptr<io::Tables> RocksMachine::front(Shard& shard) {
  return std::make_unique<Front>(*this, shard);
}

Result<void> RocksMachine::open_now() {
  if (database_) return {};
  TRY(opened, rocks::Database::open_or_begin_anew(
                  {.data_folder = std::string(DiskEnv::root),
                   .block_cache_bytes = 256 << 10,
                   .open_files_max = 64,
                   .file_bytes = 64 << 10,
                   .compress = false},
                  [](const Error&) {}, env_->env()));
  database_ = std::move(opened);
  return {};
}

void RocksMachine::die_within_a_job() { env_->cut_after(dice_.log_between(1, 400)); }

void RocksMachine::die() { env_->cut_after(0); }

void RocksMachine::visit_rows(std::string_view family, const SeeRow& see) {
  class AtOnce final : public rocks::Offload {
   public:
    void run(std::move_only_function<void()> job) override { job(); }
  };
  if (!database_) return;
  const DiskEnv::Entered here(*env_);
  AtOnce at_once;
  const std::unique_ptr<io::Tables> tables = database_->front(at_once);
  const auto names = tables->list();
  if (!names || std::ranges::find(*names, family) == names->end()) return;
  const auto opened = tables->open(family);
  if (!opened) return;
  const auto cursor = (*opened)->scan("", "\xff");
  if (!cursor) return;
  while (true) {
    const auto rows = (*cursor)->next(std::size_t{1} << 20);
    if (!rows || rows->empty()) return;
    for (const auto& [key, value] : *rows) see(key, value);
  }
}

}  // namespace perdure::sim
