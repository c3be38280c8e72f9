#include "engine/node/identity.h"

#include "engine/io/disk.h"
#include "engine/io/http.h"
#include "engine/io/peers.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"
#include "engine/node/joining.h"
#include "engine/node/node_files.h"
#include "engine/node/rooms.h"
#include "engine/wal/storage_marker.h"

namespace perdure::node {
namespace {

using Rooms = Shard::Rooms;

Result<void> wait_until_told_to_provision(Rooms& r) {
  if (r.options.auto_provision.value_or(true)) return {};
  r.world.trace.event(io::Level::info, "node.waits_to_be_provisioned");
  while (!r.told_to_provision) TRY_VOID(r.provisioned.wait());
  return {};
}

// Of an empty disk.
Result<wal::StorageMarker> new_marker(Rooms& r) {
  wal::StorageMarker marker{.cluster = r.options.cluster_name,
                            .node = founder,
                            .streams = r.world.peers.shards(),
                            .id = r.world.random.draw("node.storage_id")};
  r.layout.streams = marker.streams;
  r.layout.storage_id = marker.id;
  Result<JoinAnswer> joined = join(r.world, r.options, entry_of(r));
  if (joined) {
    marker.node = joined->node;
    marker.fingerprint = joined->fingerprint;
    r.known = std::move(joined->nodes);
    TRY_VOID(keep_known_nodes(r.world.disk, r.known));
    return marker;
  }
  if (joined.error().code != Code::not_found) return std::unexpected(joined.error());
  TRY_VOID(wait_until_told_to_provision(r));
  marker.fingerprint = r.world.random.draw("node.fingerprint") | 1;
  return marker;
}

}  // namespace

control::NodeEntry entry_of(const Rooms& r) {
  const std::string address = !r.options.advertised_node.empty() ? r.options.advertised_node
                              : r.node_server                    ? r.node_server->address()
                                                                 : r.options.node_address;
  const auto shown = [](const std::string& advertised, const std::string& bound) {
    return advertised.empty() ? bound : advertised;
  };
  return {.id = r.layout.node,
          .name = r.options.node_name,
          .address = address,
          .roles = r.options.roles,
          .zone = r.options.zone,
          .region = r.options.region,
          .state = control::NodeState::active,
          .life = control::NodeLife(r.layout.incarnation),
          .shards = r.world.peers.shards(),
          .streams = r.layout.streams,
          .storage = r.layout.storage_id,
          .version = r.options.version,
          .ingress = shown(r.options.advertised_ingress, r.options.ingress_address),
          .admin = r.options.admin_address,
          .features = r.options.features};
}

Result<void> find_identity(Rooms& r) {
  r.layout.shards = r.world.peers.shards();
  TRY(found, wal::find_marker(r.world.disk));
  wal::StorageMarker ours;
  if (found) {
    ours = *found;
    ours.cluster = r.options.cluster_name;
    r.known = known_nodes(r.world.disk);
  } else {
    TRY(fresh, new_marker(r));
    ours = std::move(fresh);
  }
  TRY(opened, wal::open_marker(r.world.disk, ours));
  TRY(life, next_life(r.world.disk));
  r.layout.node = opened.marker.node;
  r.layout.streams = opened.marker.streams;
  r.layout.storage_id = opened.marker.id;
  r.layout.fingerprint = opened.marker.fingerprint;
  r.layout.incarnation = life.raw();
  return {};
}

}  // namespace perdure::node
