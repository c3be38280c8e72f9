#include "sim/cluster/log_node.h"

#include <fmt/format.h>

#include <deque>
#include <memory>

#include "engine/io/random.h"
#include "engine/log/sweeper.h"
#include "engine/wal/storage_marker.h"
#include "sim/cluster/log_peers.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr LogletId watched_loglet{UINT64_MAX - 1};

// What one writer has in flight, and what is told of it.
class Writing final : public log::Observer {
 public:
  Writing(LogArena& arena, log::Log& log) : arena_(arena), log_(log) { log_.observe(this); }
  ~Writing() override { log_.observe(nullptr); }

  Result<Lsn> append(std::string bytes) {
    TRY(lsn, log_.append(bytes));
    arena_.history.appended(log_.partition(), loglet(), lsn, bytes);
    in_flight_.emplace_back(lsn, std::move(bytes));
    return lsn;
  }
  void committed(Lsn last) override {
    while (!in_flight_.empty() && in_flight_.front().first <= last) {
      arena_.history.acknowledged(log_.partition(), loglet(), in_flight_.front().first,
                                  in_flight_.front().second);
      in_flight_.pop_front();
    }
  }
  void ended(const Error&) override {}

 private:
  const log::Loglet& loglet() const { return log_.chain().loglets.back(); }

  LogArena& arena_;
  log::Log& log_;
  std::deque<std::pair<Lsn, std::string>> in_flight_;
};

class LogNode final : public Guest, private wal::Listener {
 public:
  LogNode(Host& host, LogArena& arena, io::World world)
      : host_(host),
        arena_(arena),
        world_(world),
        chains_(world_, arena.registers),
        peers_(world_, arena.registers),
        broken_(world.fibers),
        group_(world.fibers) {}

  ~LogNode() override { arena_.streams.erase(host_.node()); }

  void run(std::uint32_t) override {
    const Result<void> ready = open();
    if (ready) {
      for (std::uint32_t p = 0; p < arena_.partitions; ++p) {
        group_.start("writer", [this, p] { write_for_ever(PartitionId(p)); });
        group_.start("reader", [this, p] { read_for_ever(PartitionId(p)); });
      }
      group_.start("disk", [this] { watch_my_state(); });
      while (!failure_) {
        if (!broken_.wait()) return;
      }
    }
    world_.trace.event(io::Level::warn, "process.exits",
                       {{"why", ready ? failure_->detail : ready.error().detail}});
    host_.exit_with_turn(nanos(milliseconds(200)));
  }

 private:
  // --- coming up ---

  Result<void> open() {
    TRY(marker, wal::open_marker(world_.disk, {.cluster = "sim",
                                               .node = host_.node(),
                                               .streams = 1,
                                               .id = world_.random.draw("storage_id")}));
    log::Candidate& me = arena_.registers.nodes.at(host_.node());
    const bool held_something = me.state != log::StorageState::provisioning;
    if (marker.fresh && held_something) {
      me.state = log::StorageState::data_loss;
      arena_.history.returned(host_.node());
      arena_.scrubbed[host_.node()].clear();
      world_.trace.event(io::Level::warn, "node.lost_its_disk");
    }
    if (!held_something) me.state = log::StorageState::read_write;
    incarnation_ = ++arena_.registers.incarnations[host_.node()];

    wal::Options options = arena_.wal;
    options.stream_id = marker.marker.id;
    TRY(opened, wal::Wal::open(world_.disk, world_.fibers, world_.trace, options));
    wal_ = std::move(opened);
    arena_.disks.back(host_.node(), *wal_);
    arena_.streams[host_.node()] = wal_.get();
    wal_->listen(watched_loglet, *this);
    store_ = std::make_unique<log::LogletStore>(*wal_, world_.fibers, world_.trace,
                                                me.state == log::StorageState::data_loss);
    server_ = std::make_unique<log::Server>(
        log::Server::Parts{.store_of = [this](PartitionId) { return store_.get(); },
                           .servers = peers_,
                           .fibers = world_.fibers,
                           .trace = world_.trace});
    cluster_ = std::make_unique<log::Cluster>(log::Cluster{.servers = peers_, .server = *server_});
    peers_.serve(*server_);
    std::vector<log::Place> places;
    for (std::uint32_t p = 0; p < arena_.partitions; ++p) {
      places.push_back({.partition = PartitionId(p), .store = *store_});
    }
    sweeper_ = std::make_unique<log::Sweeper>(log::Sweeper::Parts{.places = std::move(places),
                                                                  .chains = chains_,
                                                                  .fibers = world_.fibers,
                                                                  .trace = world_.trace,
                                                                  .every = log_sweep_every});
    sweeper_->start();
    return {};
  }

  void durable(LogletId, Offset) override {}
  void failed(const Error& why) override {
    failure_ = why;
    broken_.notify_all();
  }

  void watch_my_state() {
    while (world_.fibers.sleep_until(world_.fibers.now() + milliseconds(100))) {
      const bool whole =
          arena_.registers.nodes.at(host_.node()).state == log::StorageState::read_write;
      if (whole && store_->lost_data()) store_->regained_data();
      if (++looks_ % 8 == 0) arena_.disks.seen(host_.node(), *wal_);
    }
  }

  // --- writing ---

  Duration draw(std::string_view stream, Duration most) {
    return Duration(static_cast<Duration::rep>(
        world_.random.below(stream, static_cast<std::uint64_t>(most.count()) + 1)));
  }
  bool chance(std::string_view stream, double probability) {
    return static_cast<double>(world_.random.draw(stream) >> 11) * 0x1.0p-53 < probability;
  }
  bool pause(Duration span) {
    return world_.fibers.sleep_until(world_.fibers.now() + span).has_value();
  }
  bool may_write() const { return !arena_.calm || arena_.heir == host_.node(); }

  void write_for_ever(PartitionId partition) {
    while (pause(arena_.calm ? milliseconds(100) : draw("writer.rest", arena_.rest_most))) {
      if (!may_write()) continue;
      const std::vector<log::Place> places = {{.partition = partition, .store = *store_}};
      auto opened = log::open_logs(places, chains_, world_.fibers, world_.trace,
                                   {.node = host_.node(),
                                    .incarnation = log::Incarnation(incarnation_),
                                    .zone = {},
                                    .replication = arena_.replication,
                                    .nodeset_size = arena_.nodeset_size,
                                    .window_records = arena_.window_records,
                                    .window_bytes = 64 << 10,
                                    .open_timeout = seconds(20),
                                    .stall_timeout = seconds(5)},
                                   cluster_.get());
      if (!opened) {
        world_.trace.event(io::Level::info, "writer.refused", {{"why", opened.error().detail}});
        if (opened.error().code == Code::cancelled) return;
        continue;
      }
      log::Log& log = *opened->front();
      world_.trace.event(io::Level::info, "writer.opened",
                         {{"partition", partition.raw()},
                          {"loglet", log.chain().loglets.back().id.raw()},
                          {"tail", log.tail().raw()}});
      write_until_it_ends(log);
      if (!log.ended() && chance("writer.drains", 0.5)) {
        (void)log.drain(world_.fibers.now() + seconds(1));
      }
      log.stop();
    }
  }

  void write_until_it_ends(log::Log& log) {
    Writing writing(arena_, log);
    const Instant until = world_.fibers.now() + draw("writer.term", arena_.term_most);
    bool scrubbed = false;
    while (!log.ended() && may_write()) {
      if (!arena_.calm && world_.fibers.now() >= until) return;
      if (arena_.resting) {
        if (!pause(seconds(1))) return;
        continue;
      }
      write_some(log, writing);
      if (!scrubbed && somebody_lost_data() && chance("writer.scrubs", arena_.calm ? 1 : 0.1)) {
        scrubbed = scrub(log);
      }
      if (chance("writer.trims", arena_.trims)) trim(log);
      if (chance("writer.looks_back", 0.05)) look_back(log);
      if (chance("writer.checks", 0.05)) log.check_invariants(), wal_->check_invariants();
      if (!pause(draw("writer.gap", milliseconds(200)))) return;
    }
  }

  void write_some(log::Log& log, Writing& writing) {
    const std::uint64_t records = 1 + world_.random.below("writer.burst", 8);
    Lsn last;
    for (std::uint64_t i = 0; i < records; ++i) {
      const std::uint64_t token = arena_.next_token++;
      std::string bytes = fmt::format("[{} of {}.{} for {}]", token, host_.name(), incarnation_,
                                      log.partition().raw());
      const std::uint64_t size_most =
          chance("writer.large", 0.02) ? arena_.large_record_bytes : 300;
      bytes.append(world_.random.below("writer.size", size_most), 'x');
      const auto at = writing.append(std::move(bytes));
      if (!at) {
        world_.trace.event(io::Level::debug, "writer.append_refused", {{"why", at.error().detail}});
        break;
      }
      last = *at;
    }
    if (last == Lsn(0) || !(arena_.calm || chance("writer.waits", 0.5))) return;
    const auto committed = log.wait_committed(last, world_.fibers.now() + seconds(10));
    if (committed && arena_.calm) arena_.probes.try_emplace(log.partition(), last);
  }

  void trim(log::Log& log) {
    const Lsn last = log.committed();
    if (last.raw() < 20) return;
    const Lsn to = Lsn(last.raw() - 1 - world_.random.below("writer.keeps", 20));
    if (to <= log.trim_point()) return;
    arena_.history.may_trim(log.partition(), to);
    if (const auto trimmed = log.trim(to); !trimmed) world_.trace.count("writer.trims_failed");
  }

  void look_back(log::Log& log) {
    const Lsn first = log.trim_point().next(), last = log.committed();
    if (first > last) return;
    const Lsn from = first + world_.random.below("writer.from", last - first + 1);
    const auto records = log.read(from, 2000);
    if (!records || records->empty()) return;
    const std::uint64_t reader = arena_.next_reader++;
    arena_.history.reader_begun(reader, log.partition(), from);
    for (const auto& [lsn, bytes] : *records) arena_.history.read(reader, lsn, bytes);
  }

  // --- after a disk was lost ---

  bool somebody_lost_data() const {
    for (const auto& [node, candidate] : arena_.registers.nodes) {
      if (candidate.state == log::StorageState::data_loss) return true;
    }
    return false;
  }

  // This log was opened when they had lost it already: its own loglet is not on their disks.
  bool scrub(log::Log& log) {
    std::vector<NodeId> lost;
    for (const auto& [node, candidate] : arena_.registers.nodes) {
      const auto& nodeset = log.chain().loglets.back().nodeset;
      const bool outside = std::ranges::find(nodeset, node, &log::Member::node) == nodeset.end();
      if (candidate.state == log::StorageState::data_loss && outside) lost.push_back(node);
    }
    if (lost.empty() || !log.scrub(world_.fibers.now() + seconds(20))) return false;
    for (const NodeId node : lost) {
      std::set<PartitionId>& done = arena_.scrubbed[node];
      done.insert(log.partition());
      log::Candidate& candidate = arena_.registers.nodes.at(node);
      if (done.size() < arena_.partitions || candidate.state != log::StorageState::data_loss) {
        continue;
      }
      candidate.state = log::StorageState::read_write;
      world_.trace.event(io::Level::info, "node.regained_its_data", {{"node", node.raw()}});
    }
    return true;
  }

  // --- reading ---

  void read_for_ever(PartitionId partition) {
    while (true) {
      const Lsn from = arena_.history.trimmed_up_to(partition).next();
      log::Reader reader({.partition = partition,
                          .self = host_.node(),
                          .here = store_.get(),
                          .servers = &peers_,
                          .chains = chains_,
                          .fibers = world_.fibers,
                          .trace = world_.trace},
                         {.ahead_bytes = 4000,
                          .read_bytes = 1500,
                          .seal_patience = arena_.reader_patience,
                          .long_poll = seconds(3)},
                         from);
      const std::uint64_t number = arena_.next_reader++;
      arena_.history.reader_begun(number, partition, from);
      reader.start();
      const Instant until =
          arena_.calm ? io::never : world_.fibers.now() + draw("reader.life", seconds(60));
      const bool go_on = read_until(reader, number, partition, until);
      reader.stop();
      if (!go_on) return;
    }
  }

  bool read_until(log::Reader& reader, std::uint64_t number, PartitionId partition, Instant until) {
    while (world_.fibers.now() < until) {
      auto batch = reader.next(std::min(until, world_.fibers.now() + seconds(5)));
      if (!batch) {
        if (batch.error().code == Code::cancelled) return false;
        continue;
      }
      if (const auto* gap = std::get_if<log::Reader::Gap>(&*batch)) {
        arena_.history.gap(number, gap->to);
      } else {
        for (const auto& [lsn, bytes] : std::get<std::vector<log::Reader::Record>>(*batch)) {
          arena_.history.read(number, lsn, bytes);
        }
      }
      arena_.read_up_to[{host_.node(), partition}] = reader.cursor();
      if (chance("reader.dawdles", 0.05) && !pause(draw("reader.pause", seconds(1)))) return false;
    }
    return true;
  }

  Host& host_;
  LogArena& arena_;
  io::World world_;
  std::uint64_t incarnation_ = 0, looks_ = 0;
  LogChains chains_;
  LogPeers peers_;
  std::unique_ptr<wal::Wal> wal_;
  std::unique_ptr<log::LogletStore> store_;
  std::unique_ptr<log::Server> server_;
  std::unique_ptr<log::Cluster> cluster_;
  std::unique_ptr<log::Sweeper> sweeper_;
  std::optional<Error> failure_;
  io::Event broken_;
  io::Group group_;
};

}  // namespace

Factory log_node(Host& host, LogArena& arena) {
  return [&host, &arena](std::span<const io::World> worlds) {
    return std::make_unique<LogNode>(host, arena, worlds[0]);
  };
}

}  // namespace perdure::sim
