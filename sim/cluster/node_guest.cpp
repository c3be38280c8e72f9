#include "sim/cluster/node_guest.h"

#include <memory>
#include <vector>

#include "engine/io/trace.h"
#include "engine/node/rooms.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t whole_turn = UINT64_MAX;

class NodeGuest final : public Guest {
 public:
  NodeGuest(Host& host, const node::Options& options, std::span<const io::World> worlds)
      : host_(host), worlds_(worlds.begin(), worlds.end()) {
    for (const io::World& world : worlds_) {
      shards_.push_back(std::make_unique<node::Shard>(options, world));
    }
    ingress_ = options.ingress_address;
  }

  void run(std::uint32_t index) override {
    node::Shard& shard = *shards_[index];
    Result<void> ready = shard.open();
    if (ready) {
      const Result<node::Addresses> bound = shard.listen(ingress_);
      if (!bound) ready = std::unexpected(bound.error());
    }
    const Error why = ready ? shard.wait_until_failed() : ready.error();
    worlds_[index].trace.event(io::Level::warn, "process.exits", {{"why", why.detail}});
    host_.crash_in_turn(Death::process_crash, whole_turn, nanos(milliseconds(200)));
    // It dies at the end of its next turn: see that there is one.
    (void)worlds_[index].fibers.sleep_until(worlds_[index].fibers.now() + milliseconds(1));
  }

  void check_invariants() const {
    for (const auto& shard : shards_) shard->check_invariants();
  }

  std::vector<const node::Shard::Rooms*> rooms() const {
    std::vector<const node::Shard::Rooms*> rooms;
    for (const auto& shard : shards_) rooms.push_back(&shard->rooms());
    return rooms;
  }

 private:
  Host& host_;
  std::vector<io::World> worlds_;
  std::vector<std::unique_ptr<node::Shard>> shards_;
  std::string ingress_;
};

}  // namespace

Factory node_guest(Host& host, const node::Options& options) {
  return [&host, options](std::span<const io::World> worlds) {
    return std::make_unique<NodeGuest>(host, options, worlds);
  };
}

void check_inside(Host& host) {
  if (host.up()) static_cast<const NodeGuest*>(host.guest())->check_invariants();
}

std::vector<const node::Shard::Rooms*> rooms_on(Host& host) {
  if (!host.up()) return {};
  return static_cast<const NodeGuest*>(host.guest())->rooms();
}

std::vector<PartitionId> replicated_on(Host& host) {
  std::vector<PartitionId> partitions;
  for (const node::Shard::Rooms* const rooms : rooms_on(host)) {
    if (!rooms->replicas) continue;
    for (const auto& [id, replica] : rooms->replicas->all()) partitions.push_back(id);
  }
  return partitions;
}

}  // namespace perdure::sim
