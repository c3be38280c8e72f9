#include "sim/cluster/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/io/disk.h"
#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "sim/check/debt.h"
#include "sim/check/spec_check.h"
#include "sim/cluster/node_guest.h"
#include "sim/disk/disk_store.h"
#include "sim/handlers/deployment.h"
#include "sim/handlers/plain.h"
#include "sim/tables/tables.h"
#include "sim/workload/requests.h"
#include "sim/world/guests.h"

namespace perdure::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration laid_down_at_most = seconds(90);  // by a checkpoint, all of it

Mischief draw_mischief(Experiment& experiment) {
  Dice dice = experiment.dice("handlers.mischief");
  const auto chance = [&](const std::string& what) {
    const std::uint64_t drawn = dice.below(2) == 0 ? 0 : 2000 * dice.below(30);
    const std::uint64_t ppm = experiment.setting("handlers." + what + "_ppm", drawn);
    return static_cast<double>(ppm) / 1e6;
  };
  Mischief mischief;
  mischief.vanish = chance("vanish");
  mischief.error = chance("error");
  mischief.nonsense = chance("nonsense");
  mischief.slow = chance("slow");
  mischief.suspend = chance("suspend");
  return mischief;
}

// Half of the partitions keep next to nothing in memory, so that little work is enough to make
// them turn to their rows again.
processor::Bounds draw_bounds(Experiment& experiment) {
  processor::Bounds bounds;
  Dice dice = experiment.dice("node.bounds");
  const bool tiny = experiment.setting("limit.tiny_bounds", dice.below(2)) != 0;
  const auto few = [&](std::size_t least, std::size_t most) {
    return static_cast<std::size_t>(dice.log_between(least, most));
  };
  if (!tiny) return bounds;
  bounds.timers = few(2, 8);
  bounds.timers_fired = few(1, 16);
  bounds.outbox_messages = few(1, 32);
  bounds.outbox_batch = few(1, 8);
  bounds.purged = few(1, 16);
  bounds.scan_bytes = few(64, 4096);
  bounds.window_records = few(1, 256);
  bounds.replay_bytes = few(256, 64 << 10);
  return bounds;
}

// Registers a deployment of the handlers, however often that takes.
void register_handlers(io::World& world, const std::vector<std::string>& nodes,
                       std::string_view host, bool http1, bool& registered) {
  while (!registered) {
    const std::size_t node =
        nodes.size() == 1 ? 0 : world.random.below("operator.node", nodes.size());
    const Asked asked = {
        .authority = nodes[node] + ":9070",
        .method = "POST",
        .target = "/deployments",
        .headers = {{"content-type", "application/json"}},
        .body = fmt::format(R"({{"uri":"http://{}:9080","use_http_11":{}}})", host, http1)};
    const auto answer = ask(world, asked, world.fibers.now() + seconds(10));
    registered = answer && (answer->status == 200 || answer->status == 201);
    if (!registered && !world.fibers.sleep_until(world.fibers.now() + milliseconds(200))) return;
  }
}

// Of one machine; empty when there is none.
std::string debt_on(Universe& universe, Host& node, std::uint64_t abandoned) {
  Debt debt(abandoned, node.clocks().wall(universe.loop.now()));
  for (const PartitionId partition : replicated_on(node)) {
    const std::string family = fmt::format("partition-{}", partition.raw());
    node.visit_rows(family,
                    [&](const std::string& key, const std::string&) { debt.see(family, key); });
  }
  const std::string text = debt.text();
  return text.empty() ? text : node.name() + ": " + text;
}

// A bit of the newest snapshot of each partition that has an older one.
void damage_newest_snapshots(DiskStore& disk) {
  const auto partitions = disk.list("snapshots");
  if (!partitions) return;
  for (const std::string& partition : *partitions) {
    const std::string folder = "snapshots/" + partition;
    std::vector<std::string> whole;  // by what they have applied
    for (const std::string& name : disk.list(folder).value_or(std::vector<std::string>())) {
      if (disk.durable(folder + "/" + name + "/manifest")) whole.push_back(folder + "/" + name);
    }
    std::ranges::sort(whole);
    if (whole.size() < 2) continue;
    const std::string rows = whole.back() + "/rows";
    const auto files = disk.list(rows);
    if (!files || files->empty()) continue;
    const auto file = disk.open(rows + "/" + files->front(), io::Open::existing);
    if (!file) continue;
    (void)disk.write(*file, 0, "rot");
    (void)disk.sync(*file, disk.write_number());
    disk.release(*file);
  }
}

}  // namespace

node::Options draw_node_options(Experiment& experiment) {
  Dice dice = experiment.dice("node.options");
  const auto limit = [&](const std::string& name, std::uint64_t drawn) {
    return experiment.setting("limit." + name, drawn);
  };
  const auto limit_ms = [&](const std::string& name, Duration drawn) {
    return experiment.setting_ms("limit." + name + "_ms", drawn);
  };
  node::Options options;
  options.partitions =
      static_cast<std::uint32_t>(experiment.setting("cluster.partitions", 1 + dice.below(4)));
  options.ingress_address = "0.0.0.0:8080";
  options.admin_address = "0.0.0.0:9070";
  options.node_address = "0.0.0.0:5122";
  options.protocol_v7 =
      experiment.setting("limit.protocol_v7", experiment.dice("node.protocol").below(3) == 0) != 0;
  options.segment_bytes = limit("segment_bytes", (64u << 10) << dice.below(5));
  options.log_bytes_max = limit("log_bytes_max", options.log_bytes_max);
  options.checkpoint_log_bytes = limit("checkpoint_log_bytes", (4u << 10) << dice.below(6));
  options.dirty_bytes_max = limit("dirty_bytes_max", (4u << 10) << dice.below(6));
  options.checkpoint_every = limit_ms("checkpoint_every", milliseconds(500 + dice.below(20'000)));
  options.concurrent_invocations_max =
      static_cast<std::uint32_t>(limit("concurrent_invocations", 2 + dice.below(30)));
  // Some wait for longer than any run lasts: what a handler is not told, no second attempt tells.
  const Duration inactivity = milliseconds(200 + dice.below(5000));
  const bool waits = experiment.dice("node.inactivity").below(3) == 0;
  options.invocation_defaults.inactivity_timeout =
      limit_ms("inactivity_timeout", waits ? Duration(std::chrono::minutes(30)) : inactivity);
  options.invocation_defaults.abort_timeout =
      limit_ms("abort_timeout", milliseconds(2000 + dice.below(10'000)));
  options.invocation_defaults.retry_initial_interval =
      limit_ms("retry_initial_interval", milliseconds(20 + dice.below(300)));
  options.invocation_defaults.retry_max_interval = seconds(2);
  options.invocation_defaults.retry_max_attempts.reset();  // whatever happens, try again
  options.drain = milliseconds(500);
  options.snapshot_piece_bytes =
      limit("snapshot_piece_bytes", 1024u << experiment.dice("node.snapshots").below(11));
  options.bounds = draw_bounds(experiment);
  return options;
}

void add_handlers(Experiment& experiment, Journals& journals, std::vector<std::string> nodes,
                  bool& registered) {
  Universe& universe = experiment.universe();
  // Half of them answer while they listen; the others in a second breath, or in HTTP/1.1.
  const std::uint64_t wire =
      experiment.setting("handlers.wire", experiment.dice("handlers.wire").below(4));
  const bool http1 = wire == 3;
  const DeploymentOptions handlers{
      .mischief = draw_mischief(experiment),
      .mode = wire >= 2 ? sdk::Mode::request_response : sdk::Mode::bidirectional};
  const bool plain =
      experiment.setting("handlers.plain", experiment.dice("handlers.kind").below(3) == 0) != 0;
  universe.add_host({.name = "handlers", .helper = true})
      .start(plain ? plain_deployment(handlers, journals) : deployment(handlers, journals));
  // Half the time another release of the same takes over, whose steps have other names: what
  // has begun on the first must end there.
  Dice release = experiment.dice("handlers.release");
  const bool two_releases = experiment.setting("handlers.releases", 1 + release.below(2)) > 1;
  const auto released_after = milliseconds(release.below(30'000));
  if (two_releases) {
    DeploymentOptions newer = handlers;
    newer.release = "-2";
    universe.add_host({.name = "handlers2", .helper = true})
        .start(plain ? plain_deployment(newer, journals) : deployment(newer, journals));
  }
  universe.add_host({.name = "operator", .helper = true})
      .start(on_shard_0([=, &registered, nodes = std::move(nodes)](io::World& world) {
        register_handlers(world, nodes, "handlers", http1, registered);
        if (!two_releases) return;
        if (!world.fibers.sleep_until(world.fibers.now() + released_after)) return;
        bool released = false;
        register_handlers(world, nodes, "handlers2", http1, released);
      }));
}

void keep_looking_inside(Universe& universe, Host& node) {
  const Nanos gap = universe.dice("check.inside", universe.loop.event())
                        .log_between(nanos(milliseconds(2)), nanos(milliseconds(300)));
  universe.loop.after(gap, Life(), Kind::nemesis, 0, [&universe, &node] {
    check_inside(node);
    keep_looking_inside(universe, node);
  });
}

void judge_the_end(Experiment& experiment, const std::vector<Host*>& nodes, Duration heal,
                   const History& history, Workload& workload, Tour& tour) {
  tour.start_probing();
  if (!experiment.heal(heal, [&] { return tour.probed(); })) return;
  Dice rot = experiment.dice("tables.rot");
  std::vector<Host*> with_rotten_snapshots;
  for (Host* node : nodes) {
    // RocksDB's snapshots share their files with its tables.
    const bool tables_rot = rot.below(2) == 0;
    const bool snapshots_rot = tables_rot && node->rocks() == nullptr && rot.below(2) == 0;
    if (tables_rot) node->tables().rot();
    if (snapshots_rot) with_rotten_snapshots.push_back(node);
  }
  for (Host* node : nodes) node->crash(Death::power_loss);
  for (Host* node : with_rotten_snapshots) damage_newest_snapshots(node->disk());
  for (Host* node : nodes) node->restart();
  workload.start_reading();
  tour.start_reading();
  if (!experiment.heal(heal, [&] { return workload.read_all() && tour.read_all(); })) return;
  if (auto wrong = against_spec(history.operations(), history.final_reads())) {
    return experiment.report(std::move(*wrong));
  }
  const bool stepped =
      std::ranges::any_of(nodes, [](Host* node) { return node->clocks().stepped(); });
  if (stepped) return;  // timers may be due in hours
  Universe& universe = experiment.universe();
  std::string debt;
  Nanos look_at = 0;
  const auto clean = [&] {
    if (universe.loop.now() < look_at) return false;
    look_at = universe.loop.now() + nanos(milliseconds(200));
    debt.clear();
    for (Host* node : nodes) debt += debt_on(universe, *node, history.abandoned());
    return debt.empty();
  };
  if (universe.run_until(universe.loop.now() + nanos(laid_down_at_most), clean)) return;
  experiment.report({.check = "debt-remains", .subject = "tables", .detail = debt});
}

}  // namespace perdure::sim
