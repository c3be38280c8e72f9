#include "sim/cluster/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/node/rooms.h"
#include "sim/cluster/close_trace.h"
#include "sim/cluster/node_guest.h"

namespace perdure::sim {
namespace {

std::string port_of_nodes(const std::string& host) { return host + ":5122"; }

}  // namespace

FleetShape draw_fleet(Experiment& experiment) {
  Dice dice = experiment.dice("cluster.shape");
  const auto setting = [&experiment](std::string_view name, std::uint64_t drawn) {
    return static_cast<std::uint32_t>(experiment.setting(name, drawn));
  };
  FleetShape shape;
  shape.nodes = std::clamp(setting("cluster.nodes", dice.below(4) == 0 ? 5 : 3), 2u, 9u);
  const std::uint64_t copies = dice.below(8) == 0 ? 1 : 2 + dice.below(2);
  shape.copies = std::clamp(setting("cluster.replication", copies), 1u, shape.nodes);
  const std::uint64_t zones = shape.copies > 1 && dice.below(4) == 0 ? 2 : 1;
  shape.zones = std::clamp(setting("limit.zones", zones), 1u, shape.copies);
  const std::uint32_t shards_most = std::max(setting("cluster.shards", 1 + dice.below(2)), 1u);
  for (std::uint32_t i = 0; i < shape.nodes; ++i) {
    shape.shards.push_back(static_cast<std::uint32_t>(1 + dice.below(shards_most)));
  }
  const bool upgrades = setting("limit.upgrades", dice.below(5) == 0 ? 1 : 0) != 0;
  for (std::uint32_t i = 0; upgrades && i < shape.nodes; ++i) {
    shape.upgraded_in.push_back(static_cast<std::uint32_t>(1 + dice.below(3)));
  }
  return shape;
}

// --- starting ----------------------------------------------------------------------------

Fleet::Fleet(Experiment& experiment, const FleetShape& shape, const node::Options& options,
             Replicas& replicas, RaftGroup& group)
    : shape_(shape) {
  Universe& universe = experiment.universe();
  for (std::uint32_t i = 0; i < shape.nodes; ++i) {
    names_.push_back(fmt::format("n{}", i + 1));
    hosts_.push_back(&universe.add_host({.name = names_.back(), .shards = shape.shards[i]}));
  }
  for (std::uint32_t i = 0; i < shape.nodes; ++i) {
    Host& host = *hosts_[i];
    node::Options own = options;
    own.node_name = host.name();
    own.advertised_node = port_of_nodes(host.name());
    own.advertised_ingress = "http://" + host.name() + ":8080/";
    own.replication = {.copies = shape.copies, .zones = shape.zones};
    own.zone = fmt::format("z{}", i % std::max(shape.zones, 2u));
    own.witness = &replicas.witness(host);
    for (const std::string& name : names_) {
      if (name != host.name()) own.join.push_back(port_of_nodes(name));
    }
    const WrapTrace closer = [&universe, &host, &group](io::Trace& below) {
      return std::make_unique<CloseTrace>(universe, host, group, below);
    };
    const std::uint32_t upgraded_in = shape.upgraded_in.empty() ? 0 : shape.upgraded_in[i];
    host.start(
        [&host, own, closer, first = i == 0, upgraded_in](std::span<const io::World> worlds) {
          node::Options this_time = own;
          if (first && host.wipes() == 0)
            this_time.join.clear();  // its first disk makes the cluster
          if (upgraded_in != 0 && host.incarnation() >= upgraded_in) ++this_time.features;
          return node_guest(host, this_time, closer)(worlds);
        });
  }
}

// --- looking -----------------------------------------------------------------------------

struct Fleet::Seen {
  Host* host;
  std::vector<const node::Shard::Rooms*> shards;

  const node::Shard::Rooms& first() const { return *shards.front(); }
  NodeId node() const { return first().layout.node; }
  const node::Replica* replica(PartitionId partition) const {
    for (const node::Shard::Rooms* const rooms : shards) {
      if (!rooms->replicas) continue;
      const auto found = rooms->replicas->all().find(partition);
      if (found != rooms->replicas->all().end()) return found->second.get();
    }
    return nullptr;
  }
};

std::vector<Fleet::Seen> Fleet::look() const {
  std::vector<Seen> seen;
  for (Host* const host : hosts_) {
    Seen server{.host = host, .shards = rooms_on(*host)};
    const bool stands = !server.shards.empty() &&
                        std::ranges::all_of(server.shards, [](const node::Shard::Rooms* rooms) {
                          return rooms->state && rooms->ingress;
                        });
    if (stands) seen.push_back(std::move(server));
  }
  return seen;
}

std::string Fleet::unformed() const {
  const std::vector<Seen> servers = look();
  if (servers.size() < hosts_.size()) {
    return fmt::format("{} of {} servers stand", servers.size(), hosts_.size());
  }
  std::map<NodeId, const Seen*> by_node;
  for (const Seen& server : servers) {
    by_node[server.node()] = &server;
    const auto& group = server.first().store_of_metadata->raft().configuration();
    const auto& nodes = server.first().state->nodes();
    for (const Seen& other : servers) {
      const control::NodeEntry* const entry = nodes.find(other.node());
      if (entry == nullptr || entry->state != control::NodeState::active) {
        return fmt::format("{} is no active node to {}", other.host->name(), server.host->name());
      }
      if (!group.is_voter(other.node())) {
        return fmt::format("{} is no voter to {}", other.host->name(), server.host->name());
      }
    }
    if (group.voters.size() != hosts_.size()) {
      return fmt::format("{} voters to {}", group.voters.size(), server.host->name());
    }
  }
  const auto latest = std::ranges::max_element(
      servers, {}, [](const Seen& server) { return server.first().state->plan_version(); });
  const control::Plan& plan = latest->first().state->plan();
  if (plan.lines.size() < latest->first().layout.partitions) return "there is no plan";
  for (const control::PlanLine& line : plan.lines) {
    const std::string which = fmt::format("partition {}", line.partition.raw());
    if (line.replicas.size() != shape_.copies) {
      return fmt::format("{} has {} replicas", which, line.replicas.size());
    }
    if (!line.leader) return which + " has no leader";
    for (const NodeId node : line.replicas) {
      const auto server = by_node.find(node);
      if (server == by_node.end()) return fmt::format("{} is on n{}", which, node.raw());
      const node::Replica* const replica = server->second->replica(line.partition);
      const std::string where = which + " on " + server->second->host->name();
      if (replica == nullptr || replica->partition() == nullptr) return where + " is not made";
      if (replica->partition()->broken()) return where + " is broken";
      if (replica->partition()->leads() != (node == line.leader)) {
        return where + (node == line.leader ? " does not lead" : " leads");
      }
    }
  }
  return {};
}

std::string Fleet::unrest() const {
  if (std::string why = unformed(); !why.empty()) return why;
  struct Applied {
    Lsn lsn;
    const Host* host;
  };
  std::map<PartitionId, Applied> applied;
  for (const Seen& server : look()) {
    for (const PartitionId id : replicated_on(*server.host)) {
      const Lsn here = server.replica(id)->partition()->applied();
      const auto [there, first] = applied.emplace(id, Applied{here, server.host});
      if (there->second.lsn == here) continue;
      return fmt::format("of partition {} {} has applied {}, {} {}", id.raw(),
                         there->second.host->name(), there->second.lsn.raw(), server.host->name(),
                         here.raw());
    }
  }
  return {};
}

}  // namespace perdure::sim
