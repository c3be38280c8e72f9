// Appends to logs over the real disk: how many a second, and how long one takes, with 1, 16
// and 256 in flight.  TMPDIR chooses the disk.  Next to it a bare write_and_sync of a
// sector, which is what one append alone is allowed to cost.
//
//     syncs_per_append   what group commit saves
//     copied_per_byte    bytes copied into the batch, for each byte of a record: 1 and the
//                        header (checksums read, they do not copy)
//     allocations        for each append, beyond the record's own
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/log/log.h"
#include "net/disk/disk.h"
#include "net/loop/offload.h"
#include "tests/net/run_on_loop.h"
#include "tests/net/temporary_folder.h"
#include "tests/support/silent_trace.h"

namespace {
std::uint64_t allocations = 0;  // of all threads; the others sleep
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace perdure::log {
namespace {

class OneChain final : public Chains {
 public:
  Result<std::vector<VersionedChain>> read(const std::vector<PartitionId>& partitions) override {
    chains_.resize(partitions.size());
    return chains_;
  }
  Result<std::vector<std::uint64_t>> swap(const std::vector<ChainChange>& changes) override {
    std::vector<std::uint64_t> versions;
    for (const ChainChange& change : changes) {
      chains_[change.partition.raw()] = {.version = ++version_, .chain = change.chain};
      versions.push_back(version_);
    }
    return versions;
  }

 private:
  std::vector<VersionedChain> chains_;
  std::uint64_t version_ = 0;
};

// A trace that only counts syncs, and costs nothing.
class SyncCount final : public io::Trace {
 public:
  bool wants(io::Level) const override { return false; }
  void event(io::Level, std::string_view, std::initializer_list<io::Field>) override {}
  void count(std::string_view name, std::uint64_t by) override {
    if (name == "wal.syncs") syncs += by;
  }
  std::uint64_t syncs = 0;
};

// Keeps `in_flight` appends going until `wanted` are committed.
class Driver final : public Observer {
 public:
  Driver(Log& log, io::Fibers& fibers, std::size_t record_bytes)
      : log_(log), ended_(fibers), record_bytes_(record_bytes) {}

  void run(std::uint64_t wanted, std::uint64_t in_flight) {
    wanted_ = log_.committed().raw() + wanted;
    in_flight_ = in_flight;
    log_.observe(this);
    feed();
    while (log_.committed().raw() < wanted_ && !broken_) (void)ended_.wait();
    log_.observe(nullptr);
  }
  void committed(Lsn) override {
    if (log_.committed().raw() >= wanted_) return ended_.notify_all();
    feed();
  }
  void ended(const Error&) override { broken_ = true, ended_.notify_all(); }
  bool broken() const { return broken_; }

 private:
  void feed() {
    while (log_.tail() - log_.committed() <= in_flight_ && log_.tail().raw() <= wanted_) {
      if (!log_.append(std::string(record_bytes_, 'r'))) break;
    }
    if (log_.tail() == log_.committed().next()) broken_ = true, ended_.notify_all();
  }

  Log& log_;
  io::Event ended_;
  const std::size_t record_bytes_;
  std::uint64_t wanted_ = 0, in_flight_ = 0;
  bool broken_ = false;
};

void append(benchmark::State& state) {
  const auto in_flight = static_cast<std::uint64_t>(state.range(0));
  const net::TemporaryFolder folder;
  net::Loop loop;
  net::Pool sync_pool("sync", 1), other_pool("other", 1);
  net::Offload syncs(loop, sync_pool), others(loop, other_pool);
  net::FolderDisk disk(folder.path(), syncs, others);
  SyncCount trace;
  OneChain chains;
  std::unique_ptr<wal::Wal> wal;
  std::vector<std::unique_ptr<Log>> logs;
  net::run_on(loop, [&] {
    wal = std::move(*wal::Wal::open(disk, loop.scheduler, trace, {.stream_id = 1}));
    logs = std::move(*open_logs({{PartitionId(0), *wal}}, chains, loop.scheduler, trace,
                                {.node = NodeId(1), .incarnation = Incarnation(1)}));
    Driver driver(*logs[0], loop.scheduler, 256);
    driver.run(2000, in_flight);
    (void)loop.scheduler.sleep_until(loop.scheduler.now() + std::chrono::milliseconds(500));
    const std::uint64_t syncs_before = trace.syncs, allocations_before = allocations;
    const std::uint64_t step = std::max<std::uint64_t>(in_flight, 1) * 16;
    std::uint64_t appended = 0;
    for (auto _ : state) {
      driver.run(step, in_flight);
      appended += step;
      if (driver.broken()) return state.SkipWithError("the log ended, or refused");
      // What a checkpoint would do, so that files are recycled.
      if (appended % (step * 64) == 0) (void)logs[0]->trim(logs[0]->committed());
    }
    const auto n = static_cast<double>(appended);
    state.SetItemsProcessed(static_cast<std::int64_t>(appended));
    state.counters["syncs_per_append"] = static_cast<double>(trace.syncs - syncs_before) / n;
    state.counters["allocations"] = static_cast<double>(allocations - allocations_before) / n - 1;
    state.counters["copied_per_byte"] = wal::frame_bytes(256) / 256.0;
  });
  net::run_on(loop, [&] {
    logs.clear();
    wal->stop();
  });
  wal.reset();
  sync_pool.stop();
  other_pool.stop();
}
BENCHMARK(append)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

void bare_sync(benchmark::State& state) {
  const net::TemporaryFolder folder;
  net::Loop loop;
  net::Pool pool("sync", 1);
  net::Offload offload(loop, pool);
  net::FolderDisk disk(folder.path(), offload, offload);
  net::run_on(loop, [&] {
    auto file = disk.open("f", io::Open::create);
    const std::string zeros(4 << 20, '\0'), sector(512, 'x');
    if (!(*file)->write_and_sync(0, as_bytes(zeros))) return state.SkipWithError("no disk");
    std::uint64_t at = 0;
    for (auto _ : state) {
      if (!(*file)->write_and_sync(at, as_bytes(sector))) state.SkipWithError("the disk failed");
      at = (at + sector.size()) % zeros.size();
    }
  });
  pool.stop();
}
BENCHMARK(bare_sync)->UseRealTime();

}  // namespace
}  // namespace perdure::log

BENCHMARK_MAIN();
