#include "sim/cluster/single_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/disk.h"
#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/random.h"
#include "sim/check/debt.h"
#include "sim/check/history.h"
#include "sim/check/history_export.h"
#include "sim/check/observers.h"
#include "sim/check/replicas.h"
#include "sim/check/spec_check.h"
#include "sim/cluster/node_guest.h"
#include "sim/disk/disk_store.h"
#include "sim/handlers/deployment.h"
#include "sim/handlers/plain.h"
#include "sim/tables/tables.h"
#include "sim/workload/clients.h"
#include "sim/workload/tour.h"
#include "sim/world/guests.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration chaos = seconds(40);
constexpr Duration heal_at_most = seconds(180);
constexpr Duration settle = seconds(90);  // until all is laid down by a checkpoint

// Where a crash is worth more than at any other moment.
const std::vector<std::string> crash_marks = {
    "wal.segment.begun",        "wal.segment.retired",        "wal.opened",
    "tables.snapshot.taken",    "node.checkpoint.started",    "node.checkpoint.done",
    "log.chains.extended",      "processor.leader.announced", "node.shard.opened",
    "processor.outbox.delayed", "invoker.attempt.failed"};

// Limits are drawn tiny, so that seams that are rare in life are met in every run.
node::Options draw_options(Experiment& experiment) {
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
  options.segment_bytes = limit("segment_bytes", (64u << 10) << dice.below(5));
  options.checkpoint_log_bytes = limit("checkpoint_log_bytes", (4u << 10) << dice.below(6));
  options.dirty_bytes_max = limit("dirty_bytes_max", (4u << 10) << dice.below(6));
  options.checkpoint_every = limit_ms("checkpoint_every", milliseconds(500 + dice.below(20'000)));
  options.concurrent_invocations_max =
      static_cast<std::uint32_t>(limit("concurrent_invocations", 2 + dice.below(30)));
  options.invocation_defaults.inactivity_timeout =
      limit_ms("inactivity_timeout", milliseconds(200 + dice.below(5000)));
  options.invocation_defaults.abort_timeout =
      limit_ms("abort_timeout", milliseconds(2000 + dice.below(10'000)));
  options.invocation_defaults.retry_initial_interval =
      limit_ms("retry_initial_interval", milliseconds(20 + dice.below(300)));
  options.invocation_defaults.retry_max_interval = seconds(2);
  options.invocation_defaults.retry_max_attempts.reset();  // whatever happens, try again
  options.drain = milliseconds(500);
  return options;
}

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

// Registers a deployment of the handlers, however often that takes.
void register_handlers(io::World& world, std::string_view host, bool& registered) {
  const std::string body = fmt::format(R"({{"uri":"http://{}:9080"}})", host);
  while (!registered) {
    const Instant deadline = world.fibers.now() + seconds(10);
    const auto status = [&]() -> Result<int> {
      TRY(call, world.http.call({.scheme = "http", .authority = "n1:9070"},
                                {.method = "POST",
                                 .target = "/deployments",
                                 .authority = "n1:9070",
                                 .headers = {{"content-type", "application/json"}}},
                                deadline));
      TRY_VOID(call->write(body, deadline));
      call->finish();
      TRY(response, call->response(deadline));
      return response.status;
    }();
    registered = status && (*status == 200 || *status == 201);
    if (!registered && !world.fibers.sleep_until(world.fibers.now() + milliseconds(200))) return;
  }
}

// From now on, at moments that are drawn: after any event, between any two turns.
void keep_looking_inside(Universe& universe, Host& node) {
  const Nanos gap = universe.dice("check.inside", universe.loop.event())
                        .log_between(nanos(milliseconds(2)), nanos(milliseconds(300)));
  universe.loop.after(gap, Life(), Kind::nemesis, 0, [&universe, &node] {
    check_inside(node);
    keep_looking_inside(universe, node);
  });
}

std::string debt_of(Universe& universe, Host& node, std::uint32_t partitions,
                    std::uint64_t abandoned) {
  Debt debt(abandoned, node.clocks().wall(universe.loop.now()));
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    const std::string family = fmt::format("partition-{}", partition);
    node.visit_rows(family,
                    [&](const std::string& key, const std::string&) { debt.see(family, key); });
  }
  return debt.text();
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

// Promptness in fair weather; then a last start, so that nothing is only in memory, and
// half the time nothing in the tables either, or in the newest snapshot; what is there
// then; and what is left over.
void judge_the_end(Experiment& experiment, Host& node, std::uint32_t partitions, Duration heal,
                   const History& history, Workload& workload, Tour& tour) {
  tour.start_probing();
  if (!experiment.heal(heal, [&] { return tour.probed(); })) return;
  Dice rot = experiment.dice("tables.rot");
  // RocksDB's snapshots share their files with its tables.
  const bool tables_rot = rot.below(2) == 0;
  const bool snapshots_rot = tables_rot && node.rocks() == nullptr && rot.below(2) == 0;
  if (tables_rot) node.tables().rot();
  node.crash(Death::power_loss);
  if (snapshots_rot) damage_newest_snapshots(node.disk());
  node.restart();
  workload.start_reading();
  tour.start_reading();
  if (!experiment.heal(heal, [&] { return workload.read_all() && tour.read_all(); })) return;
  if (auto wrong = against_spec(history.operations(), history.final_reads())) {
    return experiment.report(std::move(*wrong));
  }
  if (node.clocks().stepped()) return;  // timers may be due in hours
  Universe& universe = experiment.universe();
  std::string debt;
  Nanos look_at = 0;
  const auto clean = [&] {
    if (universe.loop.now() < look_at) return false;
    look_at = universe.loop.now() + nanos(milliseconds(200));
    debt = debt_of(universe, node, partitions, history.abandoned());
    return debt.empty();
  };
  if (universe.run_until(universe.loop.now() + nanos(settle), clean)) return;
  experiment.report({.check = "debt-remains", .subject = "tables", .detail = debt});
}

}  // namespace

Verdict single_node(const Config& config) {
  // These outlive the fibers that know them.
  bool registered = false;
  std::optional<Experiment> experiment(std::in_place, config);
  const auto report = [&](Finding finding) { experiment->report(std::move(finding)); };
  History history(report);
  Journals journals(report);
  journals.set_clock([&experiment] { return experiment->universe().loop.now(); });
  Epochs epochs(report);
  Universe& universe = experiment->universe();
  epochs.attach(universe.recorder);
  Replicas replicas(universe, report);
  const Mischief mischief = draw_mischief(*experiment);
  const DeploymentOptions handlers{.mischief = mischief};

  const auto shards = static_cast<std::uint32_t>(
      experiment->setting("cluster.shards", 1 + experiment->dice("node.shards").below(3)));
  const Duration heal = experiment->setting_ms("time.heal_ms", heal_at_most);
  Host& node = universe.add_host({.name = "n1", .shards = shards});
  node::Options options = draw_options(*experiment);
  options.witness = &replicas.witness(node);
  node.start(node_guest(node, options));
  keep_looking_inside(universe, node);
  const bool plain =
      experiment->setting("handlers.plain", experiment->dice("handlers.kind").below(3) == 0) != 0;
  universe.add_host({.name = "handlers", .helper = true})
      .start(plain ? plain_deployment(handlers, journals) : deployment(handlers, journals));
  // Half the time another release of the same takes over, whose steps have other names: what
  // has begun on the first must end there.
  Dice release = experiment->dice("handlers.release");
  const bool two_releases = experiment->setting("handlers.releases", 1 + release.below(2)) > 1;
  const auto released_after = milliseconds(release.below(30'000));
  if (two_releases) {
    DeploymentOptions newer = handlers;
    newer.release = "-2";
    universe.add_host({.name = "handlers2", .helper = true})
        .start(plain ? plain_deployment(newer, journals) : deployment(newer, journals));
  }
  bool released = false;
  universe.add_host({.name = "operator", .helper = true})
      .start(on_shard_0([&, two_releases, released_after](io::World& world) {
        register_handlers(world, "handlers", registered);
        if (!two_releases) return;
        if (!world.fibers.sleep_until(world.fibers.now() + released_after)) return;
        register_handlers(world, "handlers2", released);
      }));

  Verdict verdict;
  if (experiment->heal(seconds(60), [&] { return registered; })) {
    Workload workload(*experiment, workload_options(*experiment), history, journals);
    Tour tour(*experiment, tour_options(*experiment), history, journals);
    workload.start();
    tour.start();
    const faults::Victims victims = {
        .nodes = {"n1"}, .helpers = {"handlers", "client1"}, .marks = crash_marks};
    if (experiment->chaos(victims, chaos) &&
        experiment->heal(heal, [&] { return workload.finished() && tour.finished(); })) {
      judge_the_end(*experiment, node, options.partitions, heal, history, workload, tour);
    }
    if (config.history) *config.history = json_lines(history.operations(), history.final_reads());
    verdict = experiment->verdict();
    experiment.reset();  // before the workload that its fibers know
  } else {
    verdict = experiment->verdict();
  }
  // A check that never looked proves nothing.
  verdict.marks["check.replicas.compared"] = replicas.compared();
  verdict.marks["check.replicas.openings"] = replicas.openings();
  return verdict;
}

}  // namespace perdure::sim
