#include "engine/node/log_bench.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "engine/base/check.h"
#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/peers.h"
#include "engine/log/log.h"
#include "engine/node/log_servers.h"
#include "engine/wal/wal.h"

namespace perdure::node {
namespace {

constexpr std::uint64_t stream_id = 1;
constexpr std::uint32_t segment_bytes = 16 << 20;  // soon recycled, as those of an old stream are
constexpr Duration trim_every = std::chrono::milliseconds(200);
constexpr Duration look_again = std::chrono::milliseconds(1);  // at a log that was full
constexpr Duration patience = std::chrono::seconds(10);
constexpr int tries = 301;  // of a sync, or a question

class ChainsInMemory final : public log::Chains {
 public:
  explicit ChainsInMemory(io::Fibers& fibers) : changed_(fibers) {}

  Result<std::vector<log::VersionedChain>> read(
      const std::vector<PartitionId>& partitions) override {
    std::vector<log::VersionedChain> found;
    for (const PartitionId partition : partitions) found.push_back(chains_[partition]);
    return found;
  }
  Result<std::vector<std::uint64_t>> swap(const std::vector<log::ChainChange>& changes) override {
    std::vector<std::uint64_t> versions;
    for (const log::ChainChange& change : changes) {
      log::VersionedChain& chain = chains_[change.partition];
      chain = {.version = chain.version + 1, .chain = change.chain};
      versions.push_back(chain.version);
    }
    changed_.notify_all();
    return versions;
  }
  Result<log::VersionedChain> wait_newer(PartitionId partition, std::uint64_t seen,
                                         Instant deadline) override {
    while (chains_[partition].version <= seen) TRY_VOID(changed_.wait(deadline));
    return chains_[partition];
  }

 private:
  std::map<PartitionId, log::VersionedChain> chains_;
  io::Event changed_;
};

// What all writers of a run share.
struct Run {
  const LogLoad& load;
  io::Clock& clock;
  std::string record = std::string(load.record_bytes, 'x');
  bool going = true;
  Instant measured_from, measured_until;
  std::vector<Duration> latencies = {};
};

// Keeps so many records of one log in flight: each that is committed makes room for the next.
class Writing final : public log::Observer {
 public:
  Writing(Run& run, std::unique_ptr<log::Log> log, std::uint32_t in_flight)
      : run_(run), log_(std::move(log)), in_flight_most_(in_flight) {
    log_->observe(this);
  }
  ~Writing() override { log_->observe(nullptr); }

  log::Log& log() { return *log_; }
  const std::optional<Error>& why() const { return why_; }

  void fill() {
    while (run_.going && !why_ && begun_.size() < in_flight_most_) {
      auto at = log_->append(run_.record);
      if (at) {
        begun_.push_back({.at = *at, .when = run_.clock.steady()});
      } else if (at.error().code == Code::retry_later) {
        return;  // the stream has no room just now: it is filled again soon
      } else {
        why_ = at.error();
      }
    }
  }

  void committed(Lsn last) override {
    const Instant now = run_.clock.steady();
    const bool measured = now >= run_.measured_from && now < run_.measured_until;
    while (!begun_.empty() && begun_.front().at <= last) {
      if (measured) run_.latencies.push_back(now - begun_.front().when);
      begun_.pop_front();
    }
    fill();
  }
  void ended(const Error& why) override { why_ = why; }

 private:
  struct Begun {
    Lsn at;
    Instant when;
  };

  Run& run_;
  const std::unique_ptr<log::Log> log_;
  const std::uint32_t in_flight_most_;
  std::deque<Begun> begun_;
  std::optional<Error> why_;
};

Duration middle(std::vector<Duration>& times) {
  std::ranges::sort(times);
  return times[times.size() / 2];
}

LogSpeed speed_of(Run& run) {
  std::vector<Duration>& all = run.latencies;
  std::ranges::sort(all);
  LogSpeed speed{.appends = all.size(), .took = run.measured_until - run.measured_from};
  if (all.empty()) return speed;
  speed.p50 = all[all.size() / 2];
  speed.p99 = all[all.size() * 99 / 100];
  speed.slowest = all.back();
  return speed;
}

}  // namespace

struct LogBench::Rooms {
  Rooms(io::World& given, LogBenchOptions told)
      : world(given),
        options(std::move(told)),
        rpc(world),
        servers(rpc,
                {.address_of = [this](NodeId node, PartitionId) -> std::optional<io::ShardAddress> {
                   if (std::ranges::find(options.nodes, node) == options.nodes.end()) {
                     return std::nullopt;
                   }
                   return io::ShardAddress{.node = node, .shard = 0};
                 },
                 .members =
                     [this] {
                       std::vector<log::Candidate> members;
                       for (const NodeId node : options.nodes) {
                         members.push_back({.member = {.node = node, .zone = {}, .region = {}},
                                            .state = log::StorageState::read_write});
                       }
                       return members;
                     }}),
        chains(world.fibers) {}

  Result<std::vector<std::unique_ptr<Writing>>> open_logs(Run& run) {
    std::vector<log::Place> places;
    for (std::uint32_t i = 0; i < run.load.logs; ++i) {
      places.push_back({.partition = PartitionId(next_partition++), .store = *store});
    }
    const log::Cluster cluster{.servers = servers, .server = *server};
    TRY(logs, log::open_logs(places, chains, world.fibers, world.trace,
                             {.node = options.self,
                              .incarnation = log::Incarnation(1),
                              .replication = options.replication},
                             &cluster));
    const std::uint32_t each = std::max(1U, run.load.in_flight / run.load.logs);
    std::vector<std::unique_ptr<Writing>> writings;
    for (auto& log : logs) {
      writings.push_back(std::make_unique<Writing>(run, std::move(log), each));
    }
    return writings;
  }

  Result<void> append_for_a_while(Run& run, std::vector<std::unique_ptr<Writing>>& writings) {
    Instant trim_at = world.clock.steady() + trim_every;
    while (world.clock.steady() < run.measured_until) {
      for (const auto& writing : writings) {
        writing->fill();
        if (writing->why()) return std::unexpected(*writing->why());
      }
      if (world.clock.steady() >= trim_at) {
        for (const auto& writing : writings) {
          TRY_VOID(writing->log().trim(writing->log().committed()));
        }
        trim_at = world.clock.steady() + trim_every;
      }
      TRY_VOID(world.fibers.sleep_until(world.clock.steady() + look_again));
    }
    run.going = false;
    for (const auto& writing : writings) {
      TRY_VOID(writing->log().drain(world.clock.steady() + patience));
    }
    return {};
  }

  io::World& world;
  const LogBenchOptions options;
  Rpc rpc;
  LogServers servers;
  ChainsInMemory chains;
  std::unique_ptr<wal::Wal> wal;
  std::unique_ptr<log::LogletStore> store;
  std::unique_ptr<log::Server> server;
  std::uint64_t next_partition = 0;
};

LogBench::LogBench(io::World& world, LogBenchOptions options)
    : rooms_(std::make_unique<Rooms>(world, std::move(options))) {}

LogBench::~LogBench() = default;

Result<void> LogBench::open() {
  Rooms& r = *rooms_;
  TRY(wal, wal::Wal::open(r.world.disk, r.world.fibers, r.world.trace,
                          {.stream_id = stream_id, .segment_bytes = segment_bytes}));
  r.wal = std::move(wal);
  r.store = std::make_unique<log::LogletStore>(*r.wal, r.world.fibers, r.world.trace);
  r.server = std::make_unique<log::Server>(
      log::Server::Parts{.store_of = [&r](PartitionId) { return r.store.get(); },
                         .servers = r.servers,
                         .fibers = r.world.fibers,
                         .trace = r.world.trace});
  r.servers.serve(*r.server);
  r.rpc.serve(Verb::hello, [](std::string_view) -> Result<std::string> { return "here"; });
  return {};
}

Result<LogSpeed> LogBench::run(const LogLoad& load) {
  Rooms& r = *rooms_;
  CHECK(load.logs > 0);
  Run run{.load = load, .clock = r.world.clock};
  TRY(writings, r.open_logs(run));
  run.measured_from = r.world.clock.steady() + load.warm_up;
  run.measured_until = run.measured_from + load.lasts;
  const Result<void> appended = r.append_for_a_while(run, writings);
  run.going = false;
  for (const auto& writing : writings) writing->log().stop();
  if (!appended) return std::unexpected(appended.error());
  return speed_of(run);
}

Result<Duration> LogBench::sync_time(std::uint32_t bytes) {
  Rooms& r = *rooms_;
  TRY(file, r.world.disk.open("sync-time", io::Open::create));
  const std::vector<std::byte> block(std::max<std::size_t>(bytes, 512), std::byte{1});
  // Over bytes that are there already, as the stream writes.
  for (int i = 0; i < tries; ++i) TRY_VOID(file->write(i * block.size(), block));
  TRY_VOID(file->sync());
  std::vector<Duration> times;
  for (int i = 0; i < tries; ++i) {
    const Instant begin = r.world.clock.steady();
    TRY_VOID(file->write_and_sync(i * block.size(), block));
    times.push_back(r.world.clock.steady() - begin);
  }
  TRY_VOID(r.world.disk.remove("sync-time"));
  return middle(times);
}

Result<Duration> LogBench::round_trip_time(NodeId to) {
  Rooms& r = *rooms_;
  std::vector<Duration> times;
  for (int i = 0; i < tries; ++i) {
    const Instant begin = r.world.clock.steady();
    TRY(answer, r.rpc.ask({.node = to, .shard = 0}, Verb::hello, {}, begin + patience));
    if (!answer.empty()) times.push_back(r.world.clock.steady() - begin);
  }
  return middle(times);
}

void LogBench::stop() {
  Rooms& r = *rooms_;
  r.rpc.stop();
  if (r.wal) r.wal->stop();
}

}  // namespace perdure::node
