#include "engine/node/controller.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/trace.h"
#include "engine/node/metadata_update.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(5);
constexpr Duration look_again = std::chrono::seconds(1);         // while there are several nodes
constexpr Duration step_pause = std::chrono::milliseconds(500);  // between two changes

constexpr Duration progress_patience = std::chrono::seconds(1);
constexpr std::uint64_t lag_max = 1000;  // records: who lags no more takes over at once

}  // namespace

Controller::Controller(io::World& world, control::RaftMetadata& metadata, const ClusterState& state,
                       const Pulse& pulse, const Layout& layout, Rpc& rpc)
    : world_(world),
      metadata_(metadata),
      state_(state),
      pulse_(pulse),
      layout_(layout),
      rpc_(rpc),
      changed_(world.fibers),
      group_(world.fibers) {}

void Controller::start() {
  group_.start("controller", [this] { run(); });
}

void Controller::stop() { group_.stop(); }

void Controller::run() {
  while (true) {
    bool more = false;
    if (metadata_.leads()) {
      const Result<bool> improved = improve_plan();
      const Result<void> tended = tend_group();
      const Result<void> raised = tend_features();
      for (const Error* why :
           {improved ? nullptr : &improved.error(), tended ? nullptr : &tended.error(),
            raised ? nullptr : &raised.error()}) {
        if (why == nullptr) continue;
        if (why->code == Code::cancelled) return;
        world_.trace.event(io::Level::info, "node.controller.delayed", {{"why", why->detail}});
      }
      more = !improved || *improved || !tended || !raised;
    }
    // What follows from the last step shows a moment later.
    const Instant now = world_.clock.steady();
    if (more && !world_.fibers.sleep_until(now + step_pause)) return;
    if (more) continue;
    const Instant next = state_.is_alone() && metadata_.leads() ? io::never : now + look_again;
    const Result<void> waited = changed_.wait(next);
    if (!waited && waited.error().code == Code::cancelled) return;
  }
}

Result<bool> Controller::improve_plan() {
  const Instant deadline = world_.clock.steady() + patience;
  TRY(nodes_found, metadata_.get(control::nodes_key, deadline));
  TRY(plan_found, metadata_.get(control::plan_key, deadline));
  TRY(nodes, wire::decode<control::Nodes>(nodes_found.value));
  TRY(plan, wire::decode<control::Plan>(plan_found.value));
  control::Plan next = plan;
  for (std::uint64_t p = next.lines.size(); p < layout_.partitions; ++p) {
    next.lines.push_back({.partition = PartitionId(p)});
  }
  next.lines =
      control::place(placed_nodes(nodes),
                     {.copies = state_.replication().copies, .zones = state_.replication().zones},
                     std::move(next.lines));
  next = control::doable(plan, std::move(next),
                         [this](PartitionId partition, NodeId candidate, NodeId leader) {
                           return has_caught_up(partition, candidate, leader);
                         });
  if (next == plan) return false;
  control::Proposal proposal = new_proposal(world_);
  proposal.writes.push_back({.key = std::string(control::plan_key),
                             .expected = plan_found.version,
                             .value = wire::encode(next)});
  TRY_VOID(metadata_.compare_and_set(std::move(proposal), deadline));
  for (const control::PlanLine& line : next.lines) {
    world_.trace.event(io::Level::debug, "node.plan.line",
                       {{"partition", line.partition.raw()},
                        {"leader", line.leader ? line.leader->raw() : 0},
                        {"replicas", line.replicas.size()}});
  }
  world_.trace.event(io::Level::info, "node.plan.changed", {{"version", plan_found.version + 1}});
  return true;
}

bool Controller::has_caught_up(PartitionId partition, NodeId candidate, NodeId leader) {
  if (candidate == leader) {
    const std::optional<ReplicaProgress> progress = progress_of(partition, leader);
    return progress && progress->leads;
  }
  if (pulse_.detector().health(leader) != control::Health::alive) return true;
  const std::optional<ReplicaProgress> theirs = progress_of(partition, leader);
  if (!theirs || !theirs->leads) return true;
  const std::optional<ReplicaProgress> ours = progress_of(partition, candidate);
  return ours && ours->applied.raw() + lag_max >= theirs->applied.raw();
}

std::optional<ReplicaProgress> Controller::progress_of(PartitionId partition, NodeId node) {
  const auto to = state_.shard_of(node, partition);
  if (!to) return std::nullopt;
  const Result<ReplicaProgress> progress =
      ask_progress(rpc_, *to, partition, world_.clock.steady() + progress_patience);
  if (!progress) return std::nullopt;
  return *progress;
}

std::vector<control::PlacedNode> Controller::placed_nodes(const control::Nodes& nodes) const {
  std::vector<control::PlacedNode> placed;
  for (const control::NodeEntry& node : nodes.nodes) {
    if (!node.has(control::NodeRole::worker)) continue;
    control::NodeUse use = control::NodeUse::away;
    switch (node.state) {
      case control::NodeState::gone: use = control::NodeUse::gone; break;
      case control::NodeState::draining: use = control::NodeUse::draining; break;
      case control::NodeState::joining: break;
      case control::NodeState::active:
        if (pulse_.detector().is_usable(node.id)) use = control::NodeUse::usable;
    }
    placed.push_back({.id = node.id, .zone = node.zone, .use = use});
  }
  return placed;
}

// One change at a time, as Raft's membership wants it (Raft, dissertation, 4.1).
Result<void> Controller::tend_group() {
  const raft::Configuration& members = metadata_.raft().configuration();
  for (const control::NodeEntry& node : state_.nodes().nodes) {
    if (node.state != control::NodeState::gone || !members.is_member(node.id)) continue;
    return metadata_.act(control::GroupAct::remove, node.id, world_.clock.steady() + patience);
  }
  return {};
}

// A rolling upgrade is over when the last node has started with the new build.
Result<void> Controller::tend_features() {
  const control::Nodes& now = state_.nodes();
  if (control::with_features_of_all(now).features == now.features) return {};
  TRY(nodes, update<control::Nodes>(world_, metadata_, control::nodes_key,
                                    world_.clock.steady() + patience,
                                    [](control::Nodes nodes) -> Result<control::Nodes> {
                                      return control::with_features_of_all(std::move(nodes));
                                    }));
  world_.trace.event(io::Level::info, "node.features.in_use", {{"features", nodes.features}});
  return {};
}

}  // namespace perdure::node
