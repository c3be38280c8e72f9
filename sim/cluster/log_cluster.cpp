#include "sim/cluster/log_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/cluster/log_node.h"
#include "sim/disk/disk_store.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration chaos_usual = seconds(50);
constexpr Duration heal_usual = seconds(180);
constexpr std::uint64_t events_of_an_idle_host = 300;  // in a second

wal::Options draw_wal(Dice dice) {
  wal::Options options;
  // Not smaller: a segment begins with a line for each loglet, and nothing may be trimmed.
  options.segment_bytes = (64u << 10) << dice.below(3);
  options.first_segment_bytes = options.segment_bytes / 2;
  options.bytes_max = 16 << 20;
  options.batch_bytes_max = (2u << 10) << dice.below(4);
  options.unsynced_bytes_max = 64 << 10;
  options.memory_bytes = (8u << 10) << dice.below(4);
  options.read_window_bytes = 4 << 10;
  options.read_windows = 2;
  options.retry_prepare = milliseconds(50);
  return options;
}

// So many nodes may lose their disks, one after the other, each when the copies of the one
// before are whole again.
class DiskLosses {
 public:
  DiskLosses(Universe& universe, LogArena& arena, std::vector<std::string> hosts, Dice dice)
      : universe_(universe), arena_(arena), hosts_(std::move(hosts)), dice_(dice) {}

  void plan(std::uint64_t count, Duration chaos) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const Nanos at = universe_.loop.now() + dice_.below(nanos(chaos));
      universe_.loop.at(at, Life(), Kind::nemesis, i, [this] { lose_one(); });
    }
  }

 private:
  void lose_one() {
    Host& host = universe_.host(hosts_[dice_.below(hosts_.size())]);
    const bool one_is_lost = std::ranges::any_of(arena_.registers.nodes, [](const auto& entry) {
      return !log::is_authoritative(entry.second.state);
    });
    const bool has_data =
        arena_.registers.nodes.at(host.node()).state == log::StorageState::read_write;
    // The budget: with a copy missing somewhere already this one may be the last; and those
    // who are left must be able to write, or nobody could copy anything back.
    const bool enough_are_left = hosts_.size() > arena_.replication.copies;
    if (arena_.replication.copies < 2 || one_is_lost || !has_data) return;
    if (!enough_are_left) return;
    host.crash(Death::power_loss);
    DiskStore& disk = host.disk();
    for (const std::string& name : disk.list("").value_or(std::vector<std::string>())) {
      if (!disk.remove(name)) (void)disk.remove_folder(name);
    }
    (void)disk.sync_folder("");
    arena_.history.wiped(host.node());
    arena_.disks.wiped(host.node());
    // Until it comes back, sees what it is, and says that it lost its data.
    arena_.registers.nodes.at(host.node()).state = log::StorageState::gone;
    universe_.recorder.event({.at = universe_.loop.now(),
                              .event = universe_.loop.event(),
                              .host = host.name(),
                              .life = Life(),
                              .shard = 0,
                              .level = io::Level::warn,
                              .name = "nemesis.wiped_a_disk",
                              .fields = {}});
    host.restart_after(dice_.below(5 * second));
  }

  Universe& universe_;
  LogArena& arena_;
  const std::vector<std::string> hosts_;
  Dice dice_;
};

// Looks for records on disks.  What is looked for lies mostly a little behind what was found
// last, so that is looked at first; the answer is the same wherever one begins.
class OnDisks {
 public:
  explicit OnDisks(Universe& universe) : universe_(universe) {}

  bool durably_on(NodeId node, std::string_view bytes) {
    const auto& hosts = universe_.hosts();
    const auto host = std::ranges::find(hosts, node, [](const auto& h) { return h->node(); });
    if (host == hosts.end()) return false;
    const DiskStore& disk = (*host)->disk();
    Found& last = last_[node];
    if (is_in(disk, last, bytes, last.at)) return true;
    const auto names = disk.list(folder);
    if (!names) return false;
    return std::ranges::any_of(*names, [&](const std::string& name) {
      Found found{.path = std::string(folder) + "/" + name};
      if (!is_in(disk, found, bytes, 0)) return false;
      last = std::move(found);
      return true;
    });
  }

 private:
  static constexpr std::string_view folder = "wal/0";
  struct Found {
    std::string path;
    std::size_t at = 0;
  };

  static bool is_in(const DiskStore& disk, Found& found, std::string_view bytes, std::size_t from) {
    const std::string* const content = disk.durable(found.path);
    const std::size_t at = content == nullptr ? std::string::npos : content->find(bytes, from);
    if (at != std::string::npos) found.at = at;
    return at != std::string::npos;
  }

  Universe& universe_;
  std::map<NodeId, Found> last_;
};

void draw_arena(Experiment& experiment, LogArena& arena, std::uint64_t hosts) {
  Dice dice = experiment.dice("log_cluster.shape");
  const auto setting = [&experiment](std::string_view name, std::uint64_t drawn) {
    return static_cast<std::uint32_t>(experiment.setting(name, drawn));
  };
  arena.partitions = setting("cluster.partitions", 1 + dice.below(2));
  const std::uint32_t copies =
      setting("cluster.replication", 1 + dice.below(std::min<std::uint64_t>(3, hosts)));
  arena.replication.copies = std::clamp(copies, 1u, static_cast<std::uint32_t>(hosts));
  const bool in_zones = arena.replication.copies >= 2 && dice.below(3) == 0;
  arena.replication.zones =
      std::clamp(setting("limit.zones", in_zones ? 2 : 1), 1u, std::min(3u, copies));
  arena.nodeset_size = setting("limit.nodeset_size", dice.below(hosts + 1));
  arena.wal = draw_wal(experiment.dice("log_cluster.wal"));
  arena.window_records = setting("limit.window_records", 4 + dice.below(60));
  arena.term_most = experiment.setting_ms("limit.term_ms", milliseconds(500 + dice.below(15'000)));
  arena.rest_most = experiment.setting_ms("limit.rest_ms", milliseconds(500 + dice.below(20'000)));
  arena.trims = setting("limit.trims", dice.below(3) == 0 ? 0 : 1) == 0 ? 0 : 0.03;
  // A stream that may not grow for ever: then what is trimmed has to make room.
  Dice tight = experiment.dice("log_cluster.tight");
  const bool is_tight = arena.trims > 0 && tight.below(2) == 0;
  const std::uint32_t segments = setting("limit.segments", is_tight ? 8 + tight.below(12) : 0);
  if (segments > 0) arena.wal.bytes_max = std::uint64_t{segments} * arena.wal.segment_bytes;
  arena.large_record_bytes = setting("limit.large_record_bytes", arena.large_record_bytes);
  arena.reader_patience =
      experiment.setting_ms("limit.reader_patience_ms", milliseconds(500 + dice.below(5'000)));
  arena.registers.lose_answers = dice.below(2) == 0 ? 0 : 0.1;
  arena.registers.delay_most = milliseconds(std::uint64_t{1} << dice.below(9));
}

bool all_arrived(const LogArena& arena, const std::vector<Host*>& hosts) {
  if (arena.probes.size() < arena.partitions) return false;
  for (const auto& [partition, probe] : arena.probes) {
    for (const Host* host : hosts) {
      const auto read = arena.read_up_to.find({host->node(), partition});
      if (read == arena.read_up_to.end() || read->second <= probe) return false;
    }
  }
  return true;
}

// What no chain names takes no place for long, and what is wanted not much more than it is.
void check_what_is_kept(Experiment& experiment, const LogArena& arena) {
  Universe& universe = experiment.universe();
  const auto chains = arena.registers.chains;
  const Nanos looked = universe.loop.now() + nanos(2 * log_sweep_every + seconds(2));
  universe.run_until(looked, [] { return false; });
  const auto report = [&](std::string_view subject, NodeId node, std::string detail) {
    experiment.report({.check = "log-disk-kept",
                       .subject = std::string(subject),
                       .detail = fmt::format("n{}: {}", node.raw(), detail)});
  };
  for (const auto& [node, stream] : arena.streams) {
    for (const wal::LogletState& state : stream->loglets()) {
      const auto chain = chains.find(log::partition_of(state.loglet));
      if (chain == chains.end() || state.loglet >= chain->second.chain.loglets.back().id) continue;
      const auto& named = chain->second.chain.loglets;
      if (std::ranges::find(named, state.loglet, &log::Loglet::id) != named.end()) continue;
      report("loglet", node,
             fmt::format("loglet {} is kept and no chain names it", state.loglet.raw()));
    }
    const std::uint64_t most = 4 * stream->live_bytes() + 8 * arena.wal.segment_bytes;
    if (stream->disk_bytes() > most) {
      report("bytes", node,
             fmt::format("{} bytes of files, of which {} are wanted", stream->disk_bytes(),
                         stream->live_bytes()));
    }
  }
}

// With nothing to do only deadlines make something happen: a wait that is always over, or a
// period of nothing, would spin (museum 14).  Registers that are polled are most of it.
void rest(Experiment& experiment, LogArena& arena, std::uint64_t hosts, Duration lasts) {
  if (lasts == Duration(0)) return;
  arena.resting = true;
  Universe& universe = experiment.universe();
  const auto pass = [&universe](Duration span) {
    universe.run_until(universe.loop.now() + nanos(span), [] { return false; });
  };
  pass(seconds(10));  // what was begun ends
  const std::uint64_t before = universe.loop.event();
  pass(lasts);
  const std::uint64_t events = universe.loop.event() - before;
  const std::uint64_t most =
      events_of_an_idle_host * hosts * static_cast<std::uint64_t>(lasts / seconds(1));
  if (events <= most) return;
  experiment.report({.check = "liveness.busy_while_idle",
                     .subject = "rest",
                     .detail = fmt::format("{} events, {} are expected at most", events, most)});
}

}  // namespace

Verdict log_cluster(const Config& config) {
  // These outlive the fibers that know them.
  std::optional<Experiment> experiment(std::in_place, config);
  Universe& universe = experiment->universe();
  OnDisks disks(universe);
  LogHistory history(
      [&](Finding finding) { experiment->report(std::move(finding)); },
      [&disks](NodeId node, std::string_view bytes) { return disks.durably_on(node, bytes); });
  DiskMemory memory([&](Finding finding) { experiment->report(std::move(finding)); });
  LogRegisters registers{.history = history};
  LogArena arena{.history = history, .disks = memory, .registers = registers};
  const std::uint64_t count = std::clamp<std::uint64_t>(
      experiment->setting("cluster.nodes", 3 + experiment->dice("log_cluster.hosts").below(5)), 1,
      20);
  const Duration chaos = experiment->setting_ms("time.chaos_ms", chaos_usual);
  const Duration heal = experiment->setting_ms("time.heal_ms", heal_usual);
  const Duration idle = experiment->setting_ms("time.idle_ms", Duration(0));
  draw_arena(*experiment, arena, count);

  std::vector<std::string> names;
  std::vector<Host*> hosts;
  for (std::uint64_t i = 1; i <= count; ++i) {
    names.push_back(fmt::format("n{}", i));
    hosts.push_back(&universe.add_host({.name = names.back()}));
    registers.nodes[hosts.back()->node()] = {
        .member = {.node = hosts.back()->node(), .zone = fmt::format("z{}", i % 3), .region = {}}};
  }
  registers.seems_alive = [&hosts](NodeId node) {
    return std::ranges::any_of(
        hosts, [node](const Host* host) { return host->node() == node && host->up(); });
  };
  for (Host* host : hosts) host->start(log_node(*host, arena));
  DiskLosses losses(universe, arena, names, experiment->dice("log_cluster.losses"));
  losses.plan(
      experiment->setting("limit.lost_disks", experiment->dice("log_cluster.wipes").below(4)),
      chaos);

  if (experiment->chaos({.nodes = names, .helpers = {}}, chaos)) {
    arena.calm = true;
    arena.heir = hosts[experiment->dice("log_cluster.heir").below(count)]->node();
    registers.lose_answers = 0;
    registers.delay_most = milliseconds(5);
    if (experiment->heal(heal, [&] { return all_arrived(arena, hosts); })) {
      // A last start, so that nothing is only in memory; all read anew.
      for (Host* host : hosts) host->crash(Death::power_loss);
      arena.probes.clear();
      arena.read_up_to.clear();
      for (Host* host : hosts) host->restart();
      if (experiment->heal(heal, [&] { return all_arrived(arena, hosts); })) {
        check_what_is_kept(*experiment, arena);
        rest(*experiment, arena, count, idle);
      }
    }
  }
  const Verdict verdict = experiment->verdict();
  experiment.reset();  // before what its fibers know
  return verdict;
}

}  // namespace perdure::sim
