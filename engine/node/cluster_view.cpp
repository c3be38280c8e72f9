#include "engine/node/cluster_view.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/io/clock.h"
#include "engine/io/peers.h"
#include "engine/node/rooms.h"
#include "engine/wire/json.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(3);

// "name": then the text, quoted.
void text_member(std::string& out, std::string_view name, std::string_view text) {
  wire::append_json(out, name);
  out += ':';
  wire::append_json(out, text);
}
void number_member(std::string& out, std::string_view name, std::uint64_t number) {
  wire::append_json(out, name);
  out += ':' + std::to_string(number);
}

std::string hexadecimal(std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += digits[number >> shift & 15];
  return text;
}

std::string roles_text(std::uint32_t roles) {
  std::string text;
  for (const auto& [role, name] :
       {std::pair(control::NodeRole::metadata, "metadata"),
        std::pair(control::NodeRole::log, "log"), std::pair(control::NodeRole::worker, "worker"),
        std::pair(control::NodeRole::ingress, "ingress"),
        std::pair(control::NodeRole::admin, "admin")}) {
    if ((roles & static_cast<std::uint32_t>(role)) == 0) continue;
    text += (text.empty() ? "" : ",") + std::string(name);
  }
  return text;
}

std::string node_text(const Shard::Rooms& r, const control::NodeEntry& node) {
  const bool self = node.id == r.layout.node;
  std::string out = "{";
  number_member(out, "id", node.id.raw());
  const auto text = [&out](std::string_view name, std::string_view value) {
    out += ',';
    text_member(out, name, value);
  };
  text("name", node.name);
  out += ',';
  number_member(out, "incarnation", node.life.raw());
  out += ',';
  number_member(out, "shards", node.shards);
  text("version", node.version);
  text("state", control::name_of(node.state));
  text("health", control::name_of(r.pulse->detector().health(node.id)));
  text("roles", roles_text(node.roles));
  text("zone", node.zone);
  const auto address = [&](std::string_view name, const std::unique_ptr<io::HttpServer>& server,
                           const std::string& advertised, const std::string& entered) {
    text(name, !self || !advertised.empty() ? entered : server ? server->address() : "");
  };
  address("node", r.node_server, r.options.advertised_node, node.address);
  address("ingress", r.ingress_server, r.options.advertised_ingress, node.ingress);
  address("admin", r.admin_server, {}, node.admin);
  return out + "}";
}

std::string partition_text(io::ShardAddress at, const PartitionView& view) {
  std::string out = "{";
  number_member(out, "id", view.id);
  out += ',';
  number_member(out, "node", at.node.raw());
  out += ',';
  number_member(out, "shard", at.shard);
  out += ',';
  text_member(out, "mode", view.broken ? "broken" : view.leads ? "leader" : "follower");
  out += ',';
  number_member(out, "epoch", view.epoch);
  out += ',';
  number_member(out, "applied", view.applied);
  out += ',';
  number_member(out, "dirty_bytes", view.dirty_bytes);
  return out + "}";
}

std::string metadata_text(const Shard::Rooms& r) {
  std::string out = "{";
  if (!r.store_of_metadata) return out + "}";
  const raft::Raft& raft = r.store_of_metadata->raft();
  number_member(out, "leader", raft.leader() ? raft.leader()->raw() : 0);
  out += ",\"voters\":[";
  for (const NodeId voter : raft.configuration().voters) {
    if (out.back() != '[') out += ',';
    out += std::to_string(voter.raw());
  }
  out += "],";
  number_member(out, "term", raft.term().raw());
  out += ',';
  number_member(out, "committed", raft.commit().raw());
  return out + "}";
}

}  // namespace

ShardView view_of(const Shard::Rooms& r) {
  ShardView view;
  if (!r.replicas) return view;
  for (const auto& [id, replica] : r.replicas->all()) {
    if (replica->partition() == nullptr) continue;
    const processor::Partition& partition = *replica->partition();
    view.partitions.push_back({.id = id.raw(),
                               .epoch = partition.epoch().raw(),
                               .applied = partition.applied().raw(),
                               .dirty_bytes = partition.dirt().dirty_bytes,
                               .leads = partition.leads(),
                               .broken = partition.broken().has_value()});
  }
  return view;
}

void serve_view(Shard::Rooms& r) {
  r.rpc.serve(Verb::view,
              [&r](std::string_view) -> Result<std::string> { return wire::encode(view_of(r)); });
}

// All shards of all nodes are asked side by side, so that one that is away costs once.
Result<std::string> cluster_text(Shard::Rooms& r) {
  if (!r.pulse || !r.state) return fail(Code::retry_later, "this node is not in a cluster yet");
  const io::ShardAddress self = r.world.peers.self();
  const Instant deadline = r.world.clock.steady() + patience;
  std::map<std::pair<std::uint64_t, io::ShardAddress>, std::string> partitions;
  const auto take = [&partitions](io::ShardAddress at, const ShardView& view) {
    for (const PartitionView& each : view.partitions) {
      partitions[{each.id, at}] = partition_text(at, each);
    }
  };
  const control::Nodes nodes = r.state->nodes();
  take(self, view_of(r));
  io::Group asking(r.world.fibers);
  for (const control::NodeEntry& node : nodes.nodes) {
    const bool away = node.id != self.node && !r.state->usable().is(node.id);
    if (node.state == control::NodeState::gone || away) continue;
    for (std::uint32_t shard = 0; shard < node.shards; ++shard) {
      const io::ShardAddress at{.node = node.id, .shard = shard};
      if (at == self) continue;
      asking.start("cluster.view", [&r, &take, at, deadline] {
        const Result<std::string> bytes = r.rpc.ask(at, Verb::view, {}, deadline);
        if (!bytes) return;
        if (const Result<ShardView> view = wire::decode<ShardView>(*bytes)) take(at, *view);
      });
    }
  }
  asking.join();
  std::string out = "{";
  text_member(out, "cluster", r.options.cluster_name);
  out += ',';
  text_member(out, "fingerprint", hexadecimal(r.layout.fingerprint));
  out += ",\"nodes\":[";
  for (const control::NodeEntry& node : nodes.nodes) {
    if (node.state == control::NodeState::gone) continue;
    if (out.back() != '[') out += ',';
    out += node_text(r, node);
  }
  out += "],\"partitions\":[";
  for (const auto& [id, text] : partitions) {
    if (out.back() != '[') out += ',';
    out += text;
  }
  return out + "],\"metadata\":" + metadata_text(r) + "}\n";
}

}  // namespace perdure::node
