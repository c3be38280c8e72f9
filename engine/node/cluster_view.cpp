#include "engine/node/cluster_view.h"

#include <algorithm>
#include <map>

#include "engine/io/clock.h"
#include "engine/io/peers.h"
#include "engine/node/rooms.h"
#include "engine/wire/json.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(5);

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

std::string node_text(const Shard::Rooms& r) {
  std::string out = "{";
  number_member(out, "id", r.options.node.raw());
  out += ',';
  text_member(out, "name", r.options.node_name);
  out += ',';
  number_member(out, "incarnation", r.layout.incarnation);
  out += ',';
  number_member(out, "shards", r.layout.shards);
  out += ',';
  text_member(out, "version", r.options.version);
  const auto address = [&](std::string_view name, const std::unique_ptr<io::HttpServer>& server,
                           const std::string& advertised) {
    out += ',';
    text_member(out, name, !advertised.empty() ? advertised : server ? server->address() : "");
  };
  address("node", r.node_server, r.options.advertised_node);
  address("ingress", r.ingress_server, r.options.advertised_ingress);
  address("admin", r.admin_server, {});
  return out + "}";
}

std::string partition_text(const Shard::Rooms& r, std::uint32_t shard, const PartitionView& view) {
  std::string out = "{";
  number_member(out, "id", view.id);
  out += ',';
  number_member(out, "node", r.options.node.raw());
  out += ',';
  number_member(out, "shard", shard);
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

}  // namespace

ShardView view_of(const Shard::Rooms& r) {
  ShardView view;
  for (const auto& [id, replica] : r.replicas) {
    if (!replica.partition) continue;
    const processor::Partition& partition = *replica.partition;
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

Result<std::string> cluster_text(Shard::Rooms& r) {
  const io::ShardAddress self = r.world.peers.self();
  std::map<std::uint64_t, std::string> partitions;
  for (std::uint32_t shard = 0; shard < r.layout.shards; ++shard) {
    ShardView view;
    if (shard == self.shard) {
      view = view_of(r);
    } else {
      TRY(bytes, r.rpc.ask({.node = self.node, .shard = shard}, Verb::view, {},
                           r.world.clock.steady() + patience));
      TRY(theirs, wire::decode<ShardView>(bytes));
      view = std::move(theirs);
    }
    for (const PartitionView& each : view.partitions) {
      partitions[each.id] = partition_text(r, shard, each);
    }
  }
  std::string out = "{";
  text_member(out, "cluster", r.options.cluster_name);
  out += ',';
  text_member(out, "fingerprint", hexadecimal(r.layout.fingerprint));
  out += ",\"nodes\":[" + node_text(r) + "],\"partitions\":[";
  for (const auto& [id, text] : partitions) {
    if (out.back() != '[') out += ',';
    out += text;
  }
  return out + "]}\n";
}

}  // namespace perdure::node
