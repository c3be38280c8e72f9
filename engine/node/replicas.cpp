#include "engine/node/replicas.h"

#include <algorithm>
#include <string>

#include "engine/io/clock.h"

namespace perdure::node {

Replicas::Replicas(const ReplicaNeeds& needs)
    : needs_(needs), changed_(needs.world.fibers), group_(needs.world.fibers) {}

void Replicas::start() {
  started_ = true;
  make_ours();
  group_.start("node.replicas", [this] { run(); });
}

void Replicas::rest() {
  group_.stop();
  started_ = false;
  for (auto& [id, replica] : replicas_) replica->rest();
}

void Replicas::stop() {
  rest();
  for (auto& [id, replica] : replicas_) replica->stop();
  replicas_.clear();
}

void Replicas::look() {
  if (!started_) return;
  for (auto& [id, replica] : replicas_) replica->look();
  make_ours();
  changed_.notify_all();
}

void Replicas::make_ours() {
  for (const control::PlanLine& line : needs_.state.plan().lines) {
    if (!is_ours(line) || replicas_.contains(line.partition)) continue;
    auto replica = std::make_shared<Replica>(needs_, line.partition);
    replica->start();
    replicas_.emplace(line.partition, std::move(replica));
  }
}

bool Replicas::is_ours(const control::PlanLine& line) const {
  return std::ranges::find(line.replicas, needs_.layout.node) != line.replicas.end() &&
         needs_.layout.shard_of(line.partition) == needs_.world.peers.self().shard;
}

// One that the plan takes from us is stopped here; what is on disk of it stays, for it may
// come back, and somebody else may still need it.
void Replicas::run() {
  while (true) {
    const auto lost = std::ranges::find_if(replicas_, [this](const auto& each) {
      const control::PlanLine* const line = needs_.state.line_of(each.first);
      return line == nullptr || !is_ours(*line);
    });
    if (lost == replicas_.end()) {
      if (!changed_.wait()) return;
      continue;
    }
    const PartitionId id = lost->first;
    lost->second->stop();  // parks; if it is ours again meanwhile, look() finds it missing
    replicas_.erase(id);
    make_ours();
  }
}

Result<void> Replicas::wait_settled(Instant deadline) {
  Result<void> failure;
  const auto all = replicas_;  // some may move away meanwhile
  for (const auto& [id, replica] : all) {
    const Result<void> settled = replica->wait_settled(deadline);
    if (settled || !failure || !replicas_.contains(id)) continue;
    failure = fail(settled.error().code,
                   "partition " + std::to_string(id.raw()) + ": " + settled.error().detail);
  }
  return failure;
}

Result<void> Replicas::wait_until_none_leads(Instant deadline) {
  const auto may_go = [this](const auto& each) {
    const processor::Partition* const partition = each.second->partition();
    return partition != nullptr && partition->leads() && has_heir(each.first);
  };
  constexpr Duration look_again = std::chrono::milliseconds(20);
  while (std::ranges::any_of(replicas_, may_go)) {
    if (needs_.world.clock.steady() >= deadline) return fail(Code::timed_out, "still leads");
    TRY_VOID(needs_.world.fibers.sleep_until(needs_.world.clock.steady() + look_again));
  }
  return {};
}

bool Replicas::has_heir(PartitionId partition) const {
  const control::PlanLine* const line = needs_.state.line_of(partition);
  return line != nullptr && !line->frozen &&
         std::ranges::any_of(line->replicas, [this](NodeId node) {
           return node != needs_.layout.node && needs_.state.is_usable(node);
         });
}

void Replicas::check_invariants() const {
  for (const auto& [id, replica] : replicas_) replica->check_invariants();
}

}  // namespace perdure::node
