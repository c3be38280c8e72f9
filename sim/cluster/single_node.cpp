#include "sim/cluster/single_node.h"

#include <optional>

#include "sim/check/history_export.h"
#include "sim/check/replicas.h"
#include "sim/cluster/node_guest.h"
#include "sim/cluster/serving.h"

namespace perdure::sim {
namespace {

using std::chrono::seconds;

constexpr Duration chaos = seconds(40);
constexpr Duration heal_at_most = seconds(180);

// Where a crash is worth more than at any other moment.
const std::vector<std::string> crash_marks = {
    "wal.segment.begun",        "wal.segment.retired",        "wal.opened",
    "tables.snapshot.taken",    "node.checkpoint.started",    "node.checkpoint.done",
    "log.chains.extended",      "processor.leader.announced", "node.shard.opened",
    "processor.outbox.delayed", "invoker.attempt.failed"};

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

  const auto shards = static_cast<std::uint32_t>(
      experiment->setting("cluster.shards", 1 + experiment->dice("node.shards").below(3)));
  const Duration heal = experiment->setting_ms("time.heal_ms", heal_at_most);
  Host& node = universe.add_host({.name = "n1", .shards = shards});
  node::Options options = draw_node_options(*experiment);
  options.witness = &replicas.witness(node);
  node.start(node_guest(node, options));
  keep_looking_inside(universe, node);
  add_handlers(*experiment, journals, {"n1"}, registered);

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
      judge_the_end(*experiment, {&node}, heal, history, workload, tour);
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
