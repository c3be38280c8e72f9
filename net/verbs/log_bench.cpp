// perdure log bench: the log alone, on so many nodes of this one process.
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "engine/http/http_over_streams.h"
#include "engine/io/clock.h"
#include "engine/io/http.h"
#include "engine/io/peers.h"
#include "engine/io/tables.h"
#include "engine/node/log_bench.h"
#include "net/verbs/table.h"
#include "net/verbs/talk.h"
#include "net/verbs/verbs.h"
#include "net/world.h"

namespace perdure::net {
namespace {

using Json = nlohmann::json;
using std::chrono::duration_cast;

struct Told {
  std::vector<std::uint64_t> nodes = {1, 3, 5};
  std::vector<std::uint64_t> logs = {1, 64};
  std::vector<std::uint64_t> in_flight = {1, 256};
  std::uint64_t record_bytes = 256, copies = 2;
  double seconds = 5;
  std::string folder;  // "": the system's temporary one
  bool json = false;
};

class NoTables final : public io::Tables {
 public:
  Result<std::unique_ptr<io::Family>> open(std::string_view) override { return none(); }
  Result<void> drop(std::string_view) override { return none(); }
  Result<void> import_family(std::string_view, std::string_view) override { return none(); }
  Result<std::vector<std::string>> list() override { return none(); }

 private:
  static std::unexpected<Error> none() { return fail(Code::invalid, "there are no tables"); }
};

Factories without_tables() {
  return {.http =
              [](const ShardParts& shard) {
                return std::make_unique<http::HttpOverStreams>(shard.streams, shard.fibers,
                                                               shard.clock, shard.trace);
              },
          .tables = [](const ShardParts&) { return std::make_unique<NoTables>(); }};
}

// A folder of the run's own, gone with it.
class Folder {
 public:
  static Result<std::unique_ptr<Folder>> make(const std::string& in) {
    std::error_code error;
    const std::filesystem::path path =
        in.empty() ? std::filesystem::temp_directory_path(error) : std::filesystem::path(in);
    std::string name = (path / "perdure-bench-XXXXXX").string();
    if (error || ::mkdtemp(name.data()) == nullptr) {
      return fail(Code::failed, "cannot make a folder in '" + path.string() + "'");
    }
    return std::unique_ptr<Folder>(new Folder(std::move(name)));
  }
  ~Folder() {
    std::error_code ignored;  // what is left is in a temporary folder
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string path;

 private:
  explicit Folder(std::string made) : path(std::move(made)) {}
};

// One log server: a loop, a disk and a port of its own.
class Node {
 public:
  Node(NodeId id, std::vector<NodeId> all, log::Replication replication)
      : id_(id), all_(std::move(all)), replication_(replication) {}

  Result<void> start(const std::string& folder) {
    TRY(made, Process::make({.shards = 1,
                             .node = id_,
                             .data_dir = folder + "/n" + std::to_string(id_.raw()),
                             .bucket = {},
                             .log = {.level = io::Level::error}},
                            without_tables()));
    process_ = std::move(made);
    Result<void> opened;
    on_loop([&](io::World& world) {
      bench_ = std::make_unique<node::LogBench>(
          world, node::LogBenchOptions{.self = id_, .nodes = all_, .replication = replication_});
      opened = bench_->open();
      if (opened) opened = listen(world);
    });
    return opened;
  }
  void know(const Node& other) {
    on_loop([&](io::World& world) { world.peers.set_address(other.id_, other.port_->address()); });
  }
  void stop() {
    if (!process_) return;
    on_loop([&](io::World& world) {
      if (port_) port_->stop(world.clock.steady());
      port_.reset();
      if (bench_) bench_->stop();
      bench_.reset();
    });
    process_->stop();
  }

  void on_loop(const std::function<void(io::World&)>& body) { process_->on_shard(0, body); }
  node::LogBench& bench() { return *bench_; }
  std::uint64_t syncs() const {
    const auto counters = process_->counters();
    const auto found = counters.find("wal.syncs");
    return found == counters.end() ? 0 : found->second;
  }

 private:
  Result<void> listen(io::World& world) {
    world.peers.identify({.node = id_, .incarnation = 1, .cluster = "bench", .fingerprint = 1});
    TRY(port, world.peers.listen("127.0.0.1:0", io::HttpLimits(), [](io::Exchange& exchange) {
      exchange.respond({.status = 404, .headers = {}}, "a bench\n");
    }));
    port_ = std::move(port);
    return {};
  }

  const NodeId id_;
  const std::vector<NodeId> all_;
  const log::Replication replication_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<node::LogBench> bench_;
  std::unique_ptr<io::HttpServer> port_;
};

std::int64_t us(Duration time) { return duration_cast<std::chrono::microseconds>(time).count(); }

// All loads on one cluster of that size, a JSON object each.
class Cluster {
 public:
  Cluster(const Told& told, std::uint64_t size) : told_(told) {
    std::vector<NodeId> all;
    for (std::uint64_t n = 1; n <= size; ++n) all.emplace_back(n);
    const auto copies = static_cast<std::uint32_t>(std::min(told.copies, size));
    for (const NodeId id : all) {
      nodes_.push_back(std::make_unique<Node>(id, all, log::Replication{.copies = copies}));
    }
  }
  ~Cluster() {
    for (const auto& node : nodes_) node->stop();
  }

  Result<void> start(const std::string& folder) {
    for (const auto& node : nodes_) TRY_VOID(node->start(folder));
    for (const auto& node : nodes_) {
      for (const auto& other : nodes_) {
        if (node != other) node->know(*other);
      }
    }
    return compare();
  }

  Result<Json> measure(std::uint64_t logs, std::uint64_t in_flight) {
    const std::uint64_t syncs_before = first().syncs();
    Result<node::LogSpeed> speed;
    const auto lasts = duration_cast<Duration>(std::chrono::duration<double>(told_.seconds));
    first().on_loop([&](io::World&) {
      speed = first().bench().run({.logs = static_cast<std::uint32_t>(logs),
                                   .in_flight = static_cast<std::uint32_t>(in_flight),
                                   .record_bytes = static_cast<std::uint32_t>(told_.record_bytes),
                                   .warm_up = lasts / 2,
                                   .lasts = lasts});
    });
    if (!speed) return std::unexpected(speed.error());
    const double seconds = std::chrono::duration<double>(speed->took).count();
    const double syncs = static_cast<double>(first().syncs() - syncs_before) / (seconds * 1.5);
    const auto times = [&](Duration of) {
      return of > Duration(0) ? static_cast<double>(us(speed->p50)) / static_cast<double>(us(of))
                              : 0;
    };
    return Json{{"nodes", nodes_.size()},
                {"logs", logs},
                {"in_flight", in_flight},
                {"record_bytes", told_.record_bytes},
                {"appends_per_second",
                 static_cast<std::uint64_t>(static_cast<double>(speed->appends) / seconds)},
                {"p50_us", us(speed->p50)},
                {"p99_us", us(speed->p99)},
                {"slowest_us", us(speed->slowest)},
                {"syncs_per_second", static_cast<std::uint64_t>(syncs)},
                {"one_sync_us", us(sync_)},
                {"syncs_at_once_us", us(syncs_at_once_)},
                {"one_round_trip_us", us(trip_)},
                {"p50_to_sync_and_trip", times(sync_ + trip_)},
                {"p50_to_syncs_at_once_and_trip", times(syncs_at_once_ + trip_)}};
  }

 private:
  Node& first() { return *nodes_.front(); }

  // What the disk and the loopback do on their own.
  Result<void> compare() {
    Result<Duration> sync, trip = Duration(0);
    first().on_loop([&](io::World& world) {
      sync = first().bench().sync_time(static_cast<std::uint32_t>(told_.record_bytes));
      if (nodes_.size() == 1) return;
      const Instant until = world.clock.steady() + std::chrono::seconds(10);
      do {  // the link may be in the making
        trip = first().bench().round_trip_time(NodeId(2));
      } while (!trip && world.clock.steady() < until &&
               world.fibers.sleep_until(world.clock.steady() + std::chrono::milliseconds(20)));
    });
    if (!sync) return std::unexpected(sync.error());
    if (!trip) return std::unexpected(trip.error());
    sync_ = *sync;
    trip_ = *trip;
    return compare_at_once();
  }

  // The nodes' disks are folders of one disk, which flushes one after the other: two copies
  // cannot be durable sooner than two syncs that were begun together.
  Result<void> compare_at_once() {
    std::vector<Result<Duration>> syncs(std::min<std::size_t>(told_.copies, nodes_.size()));
    {
      std::vector<std::jthread> at_once;
      for (std::size_t n = 0; n < syncs.size(); ++n) {
        at_once.emplace_back([&, n] {
          nodes_[n]->on_loop([&](io::World&) {
            syncs[n] = nodes_[n]->bench().sync_time(static_cast<std::uint32_t>(told_.record_bytes));
          });
        });
      }
    }
    for (const Result<Duration>& sync : syncs) {
      if (!sync) return std::unexpected(sync.error());
      syncs_at_once_ = std::max(syncs_at_once_, *sync);
    }
    return {};
  }

  const Told& told_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Duration sync_ = {}, syncs_at_once_ = {}, trip_ = {};
};

Result<Json> measure_all(const Told& told) {
  Json rows = Json::array();
  for (const std::uint64_t size : told.nodes) {
    TRY(folder, Folder::make(told.folder));
    Cluster cluster(told, size);
    TRY_VOID(cluster.start(folder->path));
    for (const std::uint64_t logs : told.logs) {
      for (const std::uint64_t in_flight : told.in_flight) {
        if (in_flight < logs) continue;  // a log without work would be measured
        TRY(row, cluster.measure(logs, in_flight));
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

std::string rows_text(const Json& rows) {
  Table table({"NODES", "LOGS", "IN-FLIGHT", "BYTES", "APPENDS/S", "P50-US", "P99-US", "SLOWEST-US",
               "SYNCS/S", "SYNC-US", "AT-ONCE-US", "TRIP-US"});
  for (const Json& row : rows) {
    table.add({text_of(row, "nodes"), text_of(row, "logs"), text_of(row, "in_flight"),
               text_of(row, "record_bytes"), text_of(row, "appends_per_second"),
               text_of(row, "p50_us"), text_of(row, "p99_us"), text_of(row, "slowest_us"),
               text_of(row, "syncs_per_second"), text_of(row, "one_sync_us"),
               text_of(row, "syncs_at_once_us"), text_of(row, "one_round_trip_us")});
  }
  return table.text();
}

int bench(const Told& told) {
  const Result<Json> rows = measure_all(told);
  if (!rows) return complain(rows.error().detail, file_trouble);
  std::fputs((told.json ? rows->dump(1) + "\n" : rows_text(*rows)).c_str(), stdout);
  return 0;
}

}  // namespace

void add_log_bench(CLI::App& log, const Chosen& chosen) {
  CLI::App* const made = log.add_subcommand(
      "bench", "Measures logs alone: log servers in this process, over disk and loopback.");
  const auto told = std::make_shared<Told>();
  made->add_option("--nodes", told->nodes, "Log servers; several numbers, several runs. [1 3 5]")
      ->check(CLI::Range(1, 9));
  made->add_option("--logs", told->logs, "Logs, all written by the first node. [1 64]")
      ->check(CLI::Range(1, 10'000));
  made->add_option("--in-flight", told->in_flight, "Records in flight, of all logs. [1 256]")
      ->check(CLI::Range(1, 1'000'000));
  made->add_option("--record-bytes", told->record_bytes, "[256]")->check(CLI::Range(1, 1 << 20));
  made->add_option("--replication", told->copies, "Copies, at most as many as nodes. [2]")
      ->check(CLI::Range(1, 9));
  made->add_option("--seconds", told->seconds, "Of each measurement. [5]")
      ->check(CLI::Range(0.1, 3600.0));
  made->add_option("--folder", told->folder, "Where the disks of the nodes are made.")
      ->type_name("DIR");
  made->add_flag("--json", told->json, "Prints JSON.");
  made->callback([=] { chosen([=] { return bench(*told); }); });
}

}  // namespace perdure::net
