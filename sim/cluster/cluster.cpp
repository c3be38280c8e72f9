#include "sim/cluster/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sim/check/history_export.h"
#include "sim/check/replicas.h"
#include "sim/cluster/fleet.h"
#include "sim/cluster/node_guest.h"
#include "sim/cluster/serving.h"
#include "sim/workload/operator.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration chaos = seconds(40);
constexpr Duration heal_at_most = seconds(180);
constexpr Duration form_at_most = seconds(60);
constexpr Duration rest_at_most = seconds(60);
constexpr Duration look_again = milliseconds(100);

// Where a crash is worth more than at any other moment.
const std::vector<std::string> crash_marks = {"node.joined",
                                              "node.shard.opened",
                                              "raft.leads",
                                              "raft.installed",
                                              "node.plan.changed",
                                              "processor.leader.announced",
                                              "log.chains.extended",
                                              "node.snapshot.fetched",
                                              "tables.snapshot.taken",
                                              "node.health",
                                              "node.replica.leads_no_longer",
                                              "node.checkpoint.done"};

// What one look shows is true when nothing is left to say; asked now and then, as it is dear.
bool comes_to_be(Experiment& experiment, Duration within, std::string_view check,
                 const std::function<std::string()>& still_wrong) {
  Universe& universe = experiment.universe();
  const Nanos latest = universe.loop.now() + nanos(within);
  std::string wrong = still_wrong();
  while (!wrong.empty() && !universe.loop.stopped()) {
    if (universe.loop.now() >= latest) {
      experiment.report({.check = std::string(check), .subject = "cluster", .detail = wrong});
      break;
    }
    (void)universe.run_until(universe.loop.now() + nanos(look_again), [] { return false; });
    wrong = still_wrong();
  }
  return wrong.empty() && !universe.loop.stopped();
}

// What the cluster survives, and no more: of each record all copies but one, and of the
// metadata group a minority.
void set_budget(Experiment& experiment, const Fleet& fleet, const FleetShape& shape) {
  const std::uint32_t disks = std::min(shape.copies - 1, (shape.nodes - 1) / 2);
  if (disks == 0) return;
  experiment.budget().add_set("cluster", {fleet.names().begin(), fleet.names().end()}, disks);
}

std::vector<std::string> ingress_of(const Fleet& fleet) {
  std::vector<std::string> ingress;
  for (const std::string& name : fleet.names()) ingress.push_back(name + ":8080");
  return ingress;
}

}  // namespace

Verdict cluster(const Config& config) {
  // These outlive the fibers that know them.
  bool registered = false;
  std::optional<Experiment> experiment(std::in_place, config, std::set{faults::Kind::bit_rot});
  const auto report = [&](Finding finding) { experiment->report(std::move(finding)); };
  History history(report);
  Journals journals(report);
  journals.set_clock([&experiment] { return experiment->universe().loop.now(); });
  Epochs epochs(report);
  Universe& universe = experiment->universe();
  epochs.attach(universe.recorder);
  const FleetShape shape = draw_fleet(*experiment);
  Replicas replicas(universe, report, shape.copies);
  const Duration heal = experiment->setting_ms("time.heal_ms", heal_at_most);
  RaftGroup group(report);  // the metadata
  const Fleet fleet(*experiment, shape, draw_node_options(*experiment), replicas, group);
  for (Host* host : fleet.hosts()) keep_looking_inside(universe, *host);
  set_budget(*experiment, fleet, shape);
  add_handlers(*experiment, journals, fleet.names(), registered);
  // A disk that is lost before the others know what was on it is lost for good.
  const bool forms_first =
      experiment->setting("limit.forms_first",
                          experiment->dice("cluster.forms_first").below(3) != 0 ||
                              experiment->swarm().has(faults::Kind::wipe_disk)) != 0;

  const bool operated =
      experiment->setting("limit.operated", experiment->dice("cluster.operated").below(3) == 0) !=
          0 &&
      forms_first;
  if (forms_first) experiment->have_fair_weather(true);
  Verdict verdict;
  if (experiment->heal(form_at_most, [&] { return registered; }) &&
      (!forms_first || comes_to_be(*experiment, form_at_most, "liveness.forming",
                                   [&] { return fleet.unformed(); }))) {
    experiment->have_fair_weather(false);
    Workload workload(*experiment, workload_options(*experiment, {.ingress = ingress_of(fleet)}),
                      history, journals);
    Tour tour(*experiment, tour_options(*experiment, {.nodes = fleet.names()}), history, journals);
    Operator foreman(*experiment,
                     {.nodes = fleet.names(), .copies = shape.copies, .zones = shape.zones});
    workload.start();
    tour.start();
    if (operated) foreman.start();
    const faults::Victims victims = {
        .nodes = fleet.names(), .helpers = {"handlers", "client1"}, .marks = crash_marks};
    const bool survived = experiment->chaos(victims, chaos);
    foreman.finish();
    if (survived &&
        experiment->heal(
            heal, [&] { return foreman.finished() && workload.finished() && tour.finished(); }) &&
        comes_to_be(*experiment, rest_at_most, "liveness.at-rest",
                    [&] { return fleet.unrest(); })) {
      judge_the_end(*experiment, fleet.hosts(), heal, history, workload, tour);
    }
    if (config.history) *config.history = json_lines(history.operations(), history.final_reads());
    verdict = experiment->verdict();
    experiment.reset();  // before the workload that its fibers know
  } else {
    verdict = experiment->verdict();
  }
  verdict.drawn += fmt::format("; {} nodes, {} copies, {} elections, {} moves of leaders",
                               shape.nodes, shape.copies, group.elections(), epochs.moves());
  // A check that never looked proves nothing.
  verdict.marks["check.replicas.compared"] = replicas.compared();
  verdict.marks["check.replicas.openings"] = replicas.openings();
  verdict.marks["check.leaders.moved"] = epochs.moves();
  verdict.marks["check.raft.committed"] = group.committed();
  return verdict;
}

}  // namespace perdure::sim
