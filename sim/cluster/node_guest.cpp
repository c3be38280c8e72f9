#include "sim/cluster/node_guest.h"

#include <memory>
#include <optional>
#include <vector>

#include "engine/io/trace.h"
#include "engine/node/rooms.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;

io::World with_trace(const io::World& world, io::Trace& trace) {
  return {.clock = world.clock,
          .disk = world.disk,
          .fibers = world.fibers,
          .http = world.http,
          .names = world.names,
          .objects = world.objects,
          .peers = world.peers,
          .random = world.random,
          .streams = world.streams,
          .tables = world.tables,
          .trace = trace};
}

class NodeGuest final : public Guest {
 public:
  NodeGuest(Host& host, const node::Options& options, std::span<const io::World> worlds,
            const WrapTrace& wrap)
      : host_(host), opening_(worlds.size()) {
    for (const io::World& world : worlds) {
      if (wrap) traces_.push_back(wrap(world.trace));
      worlds_.push_back(wrap ? with_trace(world, *traces_.back()) : world);
    }
    for (const io::World& world : worlds_) {
      shards_.push_back(std::make_unique<node::Shard>(options, world));
    }
    ingress_ = options.ingress_address;
  }

  void run(std::uint32_t index) override {
    node::Shard& shard = *shards_[index];
    Result<void> ready = open(index);
    const Error why = ready ? shard.wait_until_failed() : ready.error();
    if (told_to_stop_) return;
    worlds_[index].trace.event(io::Level::warn, "process.exits", {{"why", why.detail}});
    host_.exit_with_turn(nanos(milliseconds(200)));
  }

  // As net/main.cpp does: who still opens gives up, then all stop, then all are gone.
  void stop(std::uint32_t index) override {
    told_to_stop_ = true;
    io::Fibers& fibers = worlds_[index].fibers;
    if (opening_[index]) fibers.cancel(*opening_[index]);
    if (!wait_for_all(fibers, opened_)) return;
    shards_[index]->stop();
    ++stopped_;
    if (!wait_for_all(fibers, stopped_)) return;
    shards_[index].reset();
  }

  void check_invariants() const {
    for (const auto& shard : shards_) {
      if (shard) shard->check_invariants();
    }
  }

  std::vector<const node::Shard::Rooms*> rooms() const {
    std::vector<const node::Shard::Rooms*> rooms;
    for (const auto& shard : shards_) {
      if (shard) rooms.push_back(&shard->rooms());
    }
    return rooms;
  }

 private:
  Result<void> open(std::uint32_t index) {
    opening_[index] = worlds_[index].fibers.self();
    Result<void> ready;
    if (told_to_stop_) ready = fail(Code::cancelled, "told to stop");
    if (ready) ready = shards_[index]->open();
    if (ready) {
      const Result<node::Addresses> bound = shards_[index]->listen(ingress_);
      if (!bound) ready = std::unexpected(bound.error());
    }
    opening_[index].reset();
    ++opened_;
    return ready;
  }
  bool wait_for_all(io::Fibers& fibers, const std::uint32_t& done) const {
    while (done < shards_.size()) {
      if (!fibers.sleep_until(fibers.now() + milliseconds(1))) return false;
    }
    return true;
  }

  Host& host_;
  std::vector<std::unique_ptr<io::Trace>> traces_;
  std::vector<io::World> worlds_;
  std::vector<std::unique_ptr<node::Shard>> shards_;
  std::string ingress_;
  std::vector<std::optional<io::FiberId>> opening_;  // who opens the shard, if somebody does
  std::uint32_t opened_ = 0, stopped_ = 0;           // shards
  bool told_to_stop_ = false;
};

}  // namespace

Factory node_guest(Host& host, const node::Options& options, WrapTrace wrap) {
  return [&host, options, wrap = std::move(wrap)](std::span<const io::World> worlds) {
    return std::make_unique<NodeGuest>(host, options, worlds, wrap);
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
