// Appends to a log: one record at a time and many at once, to one disk, and to several in one
// process over a network of function calls (set TMPDIR to choose the disk).
//
//     append_and_wait    latency of one record, from append to committed
//     append_many        throughput with a window of records in flight
#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "engine/log/log.h"
#include "net/disk/disk.h"
#include "net/loop/offload.h"
#include "tests/net/run_on_loop.h"
#include "tests/net/temporary_folder.h"
#include "tests/support/silent_trace.h"

namespace perdure::net {
namespace {

class OneChain final : public log::Chains {
 public:
  explicit OneChain(io::Fibers& fibers) : changed_(fibers) {}
  Result<std::vector<log::VersionedChain>> read(const std::vector<PartitionId>&) override {
    return std::vector{chain_};
  }
  Result<std::vector<std::uint64_t>> swap(const std::vector<log::ChainChange>& changes) override {
    chain_ = {.version = chain_.version + 1, .chain = changes.front().chain};
    return std::vector{chain_.version};
  }
  Result<log::VersionedChain> wait_newer(PartitionId, std::uint64_t seen,
                                         Instant deadline) override {
    while (chain_.version <= seen) TRY_VOID(changed_.wait(deadline));
    return chain_;
  }

 private:
  log::VersionedChain chain_;
  io::Event changed_;
};

// Log servers with a disk each, on one loop.
class Cluster {
 public:
  Cluster(Loop& loop, Pool& pool, std::uint64_t nodes) : loop_(loop), chain_(loop.scheduler) {
    for (std::uint64_t n = 1; n <= nodes; ++n) {
      members_.push_back({.member = {NodeId(n), {}, {}}, .state = log::StorageState::read_write});
      nodes_.push_back(std::make_unique<Node>(*this, loop, pool, n));
    }
  }
  void open() {
    for (const auto& node : nodes_) node->open();
    Node& first = *nodes_.front();
    log::Cluster cluster{.servers = first, .server = *first.server};
    const auto copies = static_cast<std::uint32_t>(nodes_.size() == 1 ? 1 : 2);
    auto opened = log::open_logs(
        {{PartitionId(0), *first.store}}, chain_, loop_.scheduler, trace_,
        {.node = NodeId(1), .incarnation = log::Incarnation(1), .replication = {.copies = copies}},
        &cluster);
    CHECK(opened.has_value());
    log = std::move(opened->front());
  }
  void close() {
    log->stop();
    log.reset();
    for (const auto& node : nodes_) node->close();
  }

  std::unique_ptr<log::Log> log;

 private:
  struct Node final : log::Servers {
    Node(Cluster& in, Loop& loop, Pool& pool, std::uint64_t n)
        : cluster(in),
          id(n),
          offload(loop, pool),
          disk(folder.path(), offload, offload),
          telling(loop.scheduler) {}
    void open() {
      auto opened = wal::Wal::open(disk, cluster.loop_.scheduler, cluster.trace_, {.stream_id = 1});
      CHECK(opened.has_value());
      wal = std::move(*opened);
      store = std::make_unique<log::LogletStore>(*wal, cluster.loop_.scheduler, cluster.trace_);
      server = std::make_unique<log::Server>(
          log::Server::Parts{.store_of = [this](PartitionId) { return store.get(); },
                             .servers = *this,
                             .fibers = cluster.loop_.scheduler,
                             .trace = cluster.trace_});
    }
    void close() {
      telling.stop();
      wal->stop();
    }
    Result<std::string> ask(NodeId to, PartitionId, std::string_view question, Instant) override {
      return cluster.nodes_[to.raw() - 1]->server->answer(question);
    }
    Result<void> tell(NodeId to, PartitionId, std::string frame) override {
      log::Server& there = *cluster.nodes_[to.raw() - 1]->server;
      telling.start("frame", [this, &there, frame = std::move(frame)] { there.hear(id, frame); });
      return {};
    }
    std::vector<log::Candidate> members() const override { return cluster.members_; }

    Cluster& cluster;
    const NodeId id;
    const TemporaryFolder folder;
    Offload offload;
    FolderDisk disk;
    std::unique_ptr<wal::Wal> wal;
    std::unique_ptr<log::LogletStore> store;
    std::unique_ptr<log::Server> server;
    io::Group telling;
  };

  Loop& loop_;
  OneChain chain_;
  tests::SilentTrace trace_;
  std::vector<log::Candidate> members_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

template <class Body>
void with_log(benchmark::State& state, const Body& body) {
  Loop loop;
  Pool pool("bench", 3);
  run_on(loop, [&] {
    Cluster cluster(loop, pool, static_cast<std::uint64_t>(state.range(0)));
    cluster.open();
    body(*cluster.log);
    cluster.close();
  });
  pool.stop();
}

void append_and_wait(benchmark::State& state) {
  with_log(state, [&](log::Log& log) {
    const std::string record(static_cast<std::size_t>(state.range(1)), 'x');
    for (auto _ : state) {
      const auto at = log.append(record);
      if (!at || !log.wait_committed(*at)) return state.SkipWithError("the log ended");
      if (at->raw() % 1024 == 0) (void)log.trim(*at);
    }
  });
}
BENCHMARK(append_and_wait)
    ->ArgNames({"nodes", "bytes"})
    ->ArgsProduct({{1, 3, 5}, {256, 16384}})
    ->UseRealTime();

void append_many(benchmark::State& state) {
  with_log(state, [&](log::Log& log) {
    const std::string record(static_cast<std::size_t>(state.range(1)), 'x');
    Lsn last;
    for (auto _ : state) {
      auto at = log.append(record);
      while (!at && at.error().code == Code::retry_later) {
        if (!log.wait_committed(log.committed().next())) break;
        at = log.append(record);
      }
      if (!at) return state.SkipWithError("the log ended");
      last = *at;
      if (last.raw() % 4096 == 0) (void)log.trim(log.committed());
    }
    (void)log.wait_committed(last);
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * state.range(1));
  });
}
BENCHMARK(append_many)
    ->ArgNames({"nodes", "bytes"})
    ->ArgsProduct({{1, 3, 5}, {256, 4096}})
    ->UseRealTime();

}  // namespace
}  // namespace perdure::net

BENCHMARK_MAIN();
