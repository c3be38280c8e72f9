// What a row costs: written and read in memory, laid down by a checkpoint, asked of the
// database's caches.  Keys of 42 bytes, like an invocation's.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/rocks/database.h"
#include "engine/tables/scan.h"
#include "engine/tables/store.h"
#include "host/manual_loop.h"

namespace {

using namespace perdure;

std::string key_of(std::uint64_t number) {
  std::string key = "iS";
  for (std::uint64_t part = 0; part < 5; ++part) {
    put_be(key, hash64({reinterpret_cast<const char*>(&number), sizeof(number)}, part));
  }
  return key;
}

std::vector<std::string> keys_of(std::size_t rows) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < rows; ++i) keys.push_back(key_of(i));
  return keys;
}

class AtOnce : public rocks::Offload {
 public:
  void run(std::move_only_function<void()> job) override { job(); }
};

// A store over a real database in a folder of its own.
class Machine {
 public:
  Machine() {
    std::filesystem::remove_all(folder_);
    auto database = rocks::Database::open({.data_folder = folder_});
    CHECK(database);
    database_ = std::move(*database);
    front_ = database_->front(offload_);
    run([&] { family = std::move(*front_->open("p")); });
    store = std::make_unique<tables::Store>(loop.fibers, *family);
  }
  ~Machine() {
    store.reset();
    family.reset();
    front_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  void run(std::move_only_function<void()> body) { CHECK(loop.run(std::move(body))); }
  void checkpoint() {
    store->freeze();
    run([&] { CHECK(store->write_frozen()); });
  }

  host::ManualLoop loop;
  std::unique_ptr<io::Family> family;
  std::unique_ptr<tables::Store> store;

 private:
  const std::string folder_ = "tables_bench_data";
  AtOnce offload_;
  std::unique_ptr<rocks::Database> database_;
  std::unique_ptr<io::Tables> front_;
};

// New rows, until the layer holds range(0); `range(1)` bytes each.
void put_new(benchmark::State& state) {
  const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
  const std::string value(static_cast<std::size_t>(state.range(1)), 'v');
  Machine machine;
  std::size_t next = 0;
  for (auto _ : state) {
    if (next == keys.size()) {
      state.PauseTiming();
      machine.store = std::make_unique<tables::Store>(machine.loop.fibers, *machine.family);
      next = 0;
      state.ResumeTiming();
    }
    machine.store->put(keys[next++], value);
  }
}
BENCHMARK(put_new)->Args({100'000, 100})->Args({100'000, 1000});

// Rows that are there: all alike, or (range(1)) the few that are being worked on.
void put_again(benchmark::State& state) {
  const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
  const std::size_t hot =
      state.range(1) == 0 ? keys.size() : static_cast<std::size_t>(state.range(1));
  Machine machine;
  for (const std::string& key : keys) machine.store->put(key, std::string(300, 'v'));
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 7919) % hot;
    machine.store->put(keys[next], std::string(300, 'w'));
  }
}
BENCHMARK(put_again)->Args({100'000, 0})->Args({100'000, 1000});

void get_again(benchmark::State& state) {
  const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
  const std::size_t hot =
      state.range(1) == 0 ? keys.size() : static_cast<std::size_t>(state.range(1));
  Machine machine;
  for (const std::string& key : keys) machine.store->put(key, std::string(300, 'v'));
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 7919) % hot;
    benchmark::DoNotOptimize(machine.store->get(keys[next]));
  }
}
BENCHMARK(get_again)->Args({100'000, 0})->Args({100'000, 1000});

// A journal that grows by 100 bytes at a time.
void edit(benchmark::State& state) {
  const auto keys = keys_of(1000);
  const std::string entry(100, 'e');
  Machine machine;
  for (const std::string& key : keys) machine.store->put(key, "");
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 7919) % keys.size();
    std::string& journal = machine.store->edit(keys[next]);
    if (journal.size() > 10'000) journal.clear();
    journal += entry;
  }
}
BENCHMARK(edit);

// A new key of which only the database's filters can tell that it is absent.
void first_get_of_an_absent_key(benchmark::State& state) {
  Machine machine;
  for (int checkpoint = 0; checkpoint < 4; ++checkpoint) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      machine.store->put(key_of(i * 4 + static_cast<std::uint64_t>(checkpoint)),
                         std::string(300, 'v'));
    }
    machine.checkpoint();
  }
  std::uint64_t next = 1'000'000, unknown = 0;
  for (auto _ : state) {
    const std::string key = key_of(next++);
    if (!machine.store->ready({.keys = {key}, .ranges = {}})) ++unknown;
  }
  state.counters["unknown"] = static_cast<double>(unknown);
}
BENCHMARK(first_get_of_an_absent_key);

// Rows of 300 bytes from the layer into a durable file, compaction beside it.
void checkpoint(benchmark::State& state) {
  const auto rows = static_cast<std::uint64_t>(state.range(0));
  Machine machine;
  std::uint64_t round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::string key = key_of(round * rows / 2 + i);
      std::string value = key;
      while (value.size() < 300) put_be(value, hash64(value));
      machine.store->put(key, std::move(value));
    }
    ++round;
    state.ResumeTiming();
    machine.checkpoint();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(rows * round));
  state.SetBytesProcessed(static_cast<std::int64_t>(rows * round * 342));
}
BENCHMARK(checkpoint)->Arg(10)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// Over a base of as many rows again.
void scan(benchmark::State& state) {
  Machine machine;
  constexpr std::uint64_t rows = 50'000;
  for (std::uint64_t i = 0; i < rows; ++i) machine.store->put(key_of(i), std::string(300, 'v'));
  machine.checkpoint();
  for (std::uint64_t i = 0; i < rows; ++i)
    machine.store->put(key_of(rows + i), std::string(300, 'v'));
  for (auto _ : state) {
    machine.run([&] {
      auto scan = std::move(*machine.store->scan("", tables::key_end));
      while (!scan->next(256 << 10)->empty()) {
      }
    });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * rows * 2));
}
BENCHMARK(scan)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
