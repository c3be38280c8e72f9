#include "engine/node/opening.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/http.h"
#include "engine/io/peers.h"
#include "engine/io/trace.h"
#include "engine/node/cluster_view.h"
#include "engine/node/identity.h"
#include "engine/node/joining.h"
#include "engine/node/log_verbs.h"
#include "engine/node/metadata_update.h"
#include "engine/node/node_files.h"
#include "engine/node/rooms.h"
#include "engine/node/snapshot_fetch.h"
#include "engine/wal/storage_marker.h"

namespace perdure::node {
namespace {

using Rooms = Shard::Rooms;

constexpr Duration hello_pause = std::chrono::milliseconds(5);
constexpr Duration act_patience = std::chrono::seconds(10);
constexpr Duration lonely_pause = std::chrono::seconds(2);
constexpr Duration act_pause = std::chrono::milliseconds(100);
// A leader that dies is found out by its connections, sooner than by this (raft.h, lost()).
constexpr Duration election_timeout = std::chrono::milliseconds(500);
constexpr Duration heartbeat_every = std::chrono::milliseconds(100);
constexpr Duration start_in_peace = std::chrono::milliseconds(700);
constexpr LogletId former_metadata = LogletId(UINT64_MAX);

// A loglet has one listener: where two met, one would hear nothing.
constexpr control::RaftLoglets kept_by_the_group;
static_assert(watched_loglet != kept_by_the_group.entries);
static_assert(watched_loglet != kept_by_the_group.ballots);
static_assert(watched_loglet != kept_by_the_group.snapshots);

// A node that is one of several waits for the others for as long as they need.
Instant patience_of(const Rooms& r) {
  const bool alone = r.known.nodes.size() <= 1;
  return alone ? r.world.clock.steady() + open_patience : io::never;
}

// --- storage -----------------------------------------------------------------------------

Result<void> open_wals(Rooms& r) {
  for (const std::uint32_t stream : r.layout.streams_of_shard(r.world.peers.self().shard)) {
    TRY(opened,
        wal::Wal::open(r.world.disk, r.world.fibers, r.world.trace,
                       {.folder = wal::stream_folder(stream),
                        .stream_id = r.layout.storage_id + stream,
                        .segment_bytes = static_cast<std::uint32_t>(r.options.segment_bytes),
                        .bytes_max = r.options.log_bytes_max,
                        .rest_after_open = start_in_peace,
                        .became_full = [&r] {
                          if (r.checkpointer) r.checkpointer->look();
                        }}));
    opened->listen(watched_loglet, r.wal_watch);
    r.loglets[stream] = std::make_unique<log::LogletStore>(*opened, r.world.fibers, r.world.trace);
    r.wals[stream] = std::move(opened);
  }
  return {};
}

void identify(Rooms& r) {
  r.world.peers.identify({.node = r.layout.node,
                          .incarnation = r.layout.incarnation,
                          .cluster = r.options.cluster_name,
                          .fingerprint = r.layout.fingerprint});
}

// --- metadata ----------------------------------------------------------------------------

std::vector<NodeId> members_of(const control::Nodes& nodes, NodeId without) {
  std::vector<NodeId> members;
  for (const control::NodeEntry& node : nodes.nodes) {
    const bool is_one =
        node.has(control::NodeRole::metadata) && node.state != control::NodeState::gone;
    if (is_one && node.id != without) members.push_back(node.id);
  }
  return members;
}

const control::Nodes& nodes_now(const Rooms& r) {
  return r.state && r.state->nodes_version() > 0 ? r.state->nodes() : r.known;
}

// Until the group has made it a voter, however often that takes.
void ask_to_be_a_member(Rooms& r) {
  control::MetadataClient client(r.world.fibers, r.group_members,
                                 [&r] { return members_of(nodes_now(r), r.layout.node); });
  const auto is_voter = [&r] {
    return r.store_of_metadata->raft().configuration().is_voter(r.layout.node);
  };
  while (!is_voter()) {
    const Instant now = r.world.clock.steady();
    const Result<void> added =
        client.act(control::GroupAct::add, r.layout.node, now + act_patience);
    if (!added && added.error().code == Code::cancelled) return;
    if (!r.world.fibers.sleep_until(r.world.clock.steady() + act_pause)) return;
  }
}

// A cluster of one is a cluster: a metadata group with one voter, which others join.
Result<void> open_metadata(Rooms& r) {
  if (!r.is(control::NodeRole::metadata)) {
    r.metadata_client = std::make_unique<control::MetadataClient>(
        r.world.fibers, r.group_members, [&r] { return members_of(nodes_now(r), NodeId(0)); });
    r.metadata = r.metadata_client.get();
    return {};
  }
  if (r.wals.at(0)->find(former_metadata)) {
    return fail(Code::invalid, "the data directory is of a build before the metadata group");
  }
  raft::Configuration first;
  if (r.layout.node == founder) first.voters = {founder};
  TRY(metadata, control::RaftMetadata::open({.fibers = r.world.fibers,
                                             .random = r.world.random,
                                             .trace = r.world.trace,
                                             .wal = *r.wals.at(0),
                                             .members = r.group_members},
                                            {.self = r.layout.node,
                                             .group = r.layout.fingerprint,
                                             .first_members = std::move(first),
                                             .raft = {.election_timeout = election_timeout,
                                                      .heartbeat_every = heartbeat_every},
                                             .limits = {}}));
  r.store_of_metadata = std::move(metadata);
  r.metadata = r.store_of_metadata.get();
  serve_group(r.rpc, *r.store_of_metadata);
  if (r.layout.node != founder) {
    r.errands.start("node.join_group", [&r] { ask_to_be_a_member(r); });
  }
  return {};
}

// Who makes the cluster says how it is to be; the others find it so.  They ask the leader of
// the group, for a node that was removed hears no more of it by itself.
Result<ClusterConfig> cluster_config(Rooms& r) {
  while (r.layout.node != founder) {
    TRY(found, r.metadata->get(cluster_key, patience_of(r)));
    if (found.version > 0) return wire::decode<ClusterConfig>(found.value);
    TRY_VOID(r.world.fibers.sleep_until(r.world.clock.steady() + act_pause));
  }
  return update<ClusterConfig>(r.world, *r.metadata, cluster_key, patience_of(r),
                               [&r](ClusterConfig config) -> Result<ClusterConfig> {
                                 if (config.partitions != 0) return config;
                                 return ClusterConfig{.partitions = r.options.partitions,
                                                      .fingerprint = r.layout.fingerprint,
                                                      .replication = r.options.replication};
                               });
}

// This process is the node's life that counts from now on.
Result<void> register_life(Rooms& r) {
  TRY(nodes, update<control::Nodes>(r.world, *r.metadata, control::nodes_key, patience_of(r),
                                    [&r](control::Nodes nodes) -> Result<control::Nodes> {
                                      if (nodes.nodes.empty()) {
                                        TRY(first, control::joined({}, entry_of(r)));
                                        nodes = std::move(first);
                                      }
                                      return control::started(std::move(nodes), entry_of(r));
                                    }));
  r.known = std::move(nodes);
  return {};
}

Result<void> open_first(Rooms& r) {
  TRY_VOID(find_identity(r));
  TRY_VOID(open_wals(r));
  identify(r);
  tell_addresses(r.world.peers, r.known);
  TRY_VOID(open_metadata(r));
  TRY(cluster, cluster_config(r));
  if (cluster.fingerprint != r.layout.fingerprint) {
    return fail(Code::conflict, "the data directory belongs to another cluster of the name '" +
                                    r.options.cluster_name + "'");
  }
  r.layout.partitions = cluster.partitions;
  const Result<void> registered = register_life(r);
  if (!registered && registered.error().code == Code::fenced) {
    return fail(Code::invalid, registered.error().detail);
  }
  TRY_VOID(registered);
  serve_metadata(r.world, r.rpc, *r.metadata);
  r.rpc.serve(Verb::hello,
              [&r](std::string_view) -> Result<std::string> { return wire::encode(r.layout); });
  return {};
}

// The others must not wait for a shard 0 that has refused to start.
Result<void> open_first_or_say_why(Rooms& r) {
  const Result<void> opened = open_first(r);
  if (!opened) {
    r.rpc.serve(Verb::hello, [why = opened.error()](std::string_view) -> Result<std::string> {
      return std::unexpected(why);
    });
  }
  return opened;
}

// Shard 0 may be busy with its disk or its cluster still, or have refused; then it says why.
Result<void> open_other(Rooms& r) {
  constexpr io::ShardAddress first{.node = NodeId(0), .shard = 0};
  constexpr Duration hello_patience = std::chrono::seconds(5);
  for (;;) {
    const Result<std::string> answer =
        r.rpc.ask(first, Verb::hello, {}, r.world.clock.steady() + hello_patience);
    if (answer) {
      TRY(layout, wire::decode<Layout>(*answer));
      r.layout = layout;
      break;
    }
    const Code code = answer.error().code;
    if (code != Code::retry_later && code != Code::timed_out) {
      return std::unexpected(answer.error());
    }
    TRY_VOID(r.world.fibers.sleep_until(r.world.clock.steady() + hello_pause));
  }
  r.remote_metadata = std::make_unique<RemoteMetadata>(r.world, r.rpc, first);
  r.metadata = r.remote_metadata.get();
  identify(r);
  return open_wals(r);
}

// --- cluster -----------------------------------------------------------------------------

void keep_whom_we_know(Rooms& r) {
  std::uint64_t kept = 0;
  while (true) {
    if (!r.state->wait_for_nodes(kept + 1)) return;
    kept = r.state->nodes_version();
    if (const Result<void> written = keep_known_nodes(r.world.disk, r.state->nodes()); !written) {
      r.world.trace.event(io::Level::warn, "node.address_book.not_kept",
                          {{"why", written.error().detail}});
    }
  }
}

void stop_if_over(Rooms& r, const control::Nodes& nodes) {
  const control::NodeEntry* const self = nodes.find(r.layout.node);
  const bool over = self != nullptr && (self->life.raw() > r.layout.incarnation ||
                                        self->state == control::NodeState::gone);
  if (over) {
    r.wal_watch.failed(
        {Code::fenced, "another life of this node has begun, or it was removed from the cluster"});
  }
}

// A member that was removed from the group hears no more of it, and not of its own removal.
void ask_when_lonely(Rooms& r) {
  while (true) {
    if (r.state->is_alone()) {  // and nobody could have removed us
      if (!r.state->wait_for_nodes(r.state->nodes_version() + 1)) return;
      continue;
    }
    if (!r.world.fibers.sleep_until(r.world.clock.steady() + lonely_pause)) return;
    if (!r.pulse->detector().is_lonely()) continue;
    const auto found = r.metadata->get(control::nodes_key, r.world.clock.steady() + act_patience);
    if (!found) continue;
    if (const auto nodes = wire::decode<control::Nodes>(found->value)) stop_if_over(r, *nodes);
  }
}

void watch_the_cluster(Rooms& r) {
  r.pulse = std::make_unique<Pulse>(r.world, r.rpc, control::NodeLife(r.layout.incarnation),
                                    Pulse::Options(), [&r] {
                                      r.state->usable().tell(r.pulse->usable());
                                      r.state->changed();
                                    });
  if (r.store_of_metadata) {
    r.controller = std::make_unique<Controller>(r.world, *r.store_of_metadata, *r.state, *r.pulse,
                                                r.layout, r.rpc);
  }
  r.state->on_change([&r] {
    r.pulse->watch(r.state->nodes());
    if (r.controller) r.controller->look();
    stop_if_over(r, r.state->nodes());
  });
  if (r.controller) r.store_of_metadata->on_role([&r] { r.controller->look(); });
  r.pulse->watch(r.state->nodes());
  r.pulse->start();
  if (r.controller) r.controller->start();
  r.errands.start("node.address_book", [&r] { keep_whom_we_know(r); });
  r.errands.start("node.lonely", [&r] { ask_when_lonely(r); });
}

}  // namespace

Result<void> open_storage(Shard::Rooms& r) {
  TRY_VOID(r.first() ? open_first_or_say_why(r) : open_other(r));
  r.world.trace.event(io::Level::info, "node.shard.opened",
                      {{"shard", r.world.peers.self().shard},
                       {"node", r.layout.node.raw()},
                       {"partitions", r.layout.partitions},
                       {"streams", r.layout.streams},
                       {"incarnation", r.layout.incarnation}});
  return {};
}

Result<void> open_cluster(Shard::Rooms& r) {
  r.state = std::make_unique<ClusterState>(r.world, *r.metadata, r.layout);
  hear_usable(r.rpc, r.state->usable(), [&r] { r.state->changed(); });
  TRY_VOID(r.state->open(patience_of(r)));
  r.chains = std::make_unique<MetadataChains>(r.world, *r.metadata);
  r.log_servers = std::make_unique<LogServers>(
      r.rpc,
      LogServers::Needs{
          .address_of = [&r](NodeId node, PartitionId p) { return r.state->shard_of(node, p); },
          .members = [&r] { return r.state->log_servers(); }});
  r.log_server = std::make_unique<log::Server>(
      log::Server::Parts{.store_of = [&r](PartitionId partition) -> log::LogletStore* {
                           const auto found = r.loglets.find(r.layout.stream_of(partition));
                           return found == r.loglets.end() ? nullptr : found->second.get();
                         },
                         .servers = *r.log_servers,
                         .fibers = r.world.fibers,
                         .trace = r.world.trace});
  r.log_servers->serve(*r.log_server);
  r.log_cluster = std::make_unique<log::Cluster>(
      log::Cluster{.servers = *r.log_servers, .server = *r.log_server});
  std::vector<log::Place> places;
  for (const PartitionId partition : r.layout.partitions_of_shard(r.world.peers.self().shard)) {
    const auto store = r.loglets.find(r.layout.stream_of(partition));
    if (store != r.loglets.end()) {
      places.push_back({.partition = partition, .store = *store->second});
    }
  }
  r.log_sweeper = std::make_unique<log::Sweeper>(log::Sweeper::Parts{.places = std::move(places),
                                                                     .chains = *r.chains,
                                                                     .fibers = r.world.fibers,
                                                                     .trace = r.world.trace});
  r.log_sweeper->start();
  if (r.first()) watch_the_cluster(r);
  return {};
}

Result<void> open_node_port(Shard::Rooms& r) {
  r.operations = std::make_unique<Operations>(
      r.world,
      Operations::Sources{
          .metadata = [&r] { return r.layout.partitions == 0 ? nullptr : r.metadata; },
          .health = [&r] { return health_text(r); },
          .metrics = [&r] { return r.options.metrics ? r.options.metrics() : std::string(); },
          .cluster = [&r] { return cluster_text(r); },
          .log = [&r](std::string_view method,
                      std::string_view target) { return answer_log_verb(r, method, target); },
          .admits = [&r](const io::Request& request, std::string_view body) -> Result<void> {
            if (!r.options.admits) return {};
            return r.options.admits(request, body, r.world.clock.wall());
          },
          .join = [&r](std::string_view question) -> Result<std::string> {
            if (r.layout.fingerprint == 0) {
              return fail(Code::not_found, "this node is in no cluster yet");
            }
            if (r.layout.partitions == 0) return fail(Code::retry_later, "this node is starting");
            return admit_newcomer(
                r.world, *r.metadata, r.options, r.layout, question, [&r](NodeId node) {
                  return r.pulse && r.pulse->detector().health(node) == control::Health::dead;
                });
          },
          .provision =
              [&r] {
                r.told_to_provision = true;
                r.provisioned.notify_all();
              }});
  TRY(server, r.world.peers.listen(r.options.node_address, io::HttpLimits(),
                                   [&r](io::Exchange& e) { r.operations->serve(e); }));
  r.node_server = std::move(server);
  return {};
}

// Who is to keep the metadata: voters of its group, or about to be.
std::vector<std::uint64_t> metadata_members(const control::Nodes& known) {
  std::vector<std::uint64_t> members;
  for (const control::NodeEntry& node : known.nodes) {
    if (node.has(control::NodeRole::metadata) && node.state != control::NodeState::gone) {
      members.push_back(node.id.raw());
    }
  }
  return members;
}

void open_administration(Rooms& r) {
  r.discovery = std::make_unique<control::Discovery>(
      r.world.http, r.world.fibers,
      control::DiscoveryOptions{.cluster_name = r.options.cluster_name});
  r.registry =
      std::make_unique<control::Registry>(control::Registry::Needs{.metadata = *r.metadata,
                                                                   .discovery = *r.discovery,
                                                                   .fibers = r.world.fibers,
                                                                   .clock = r.world.clock,
                                                                   .random = r.world.random});
  r.admin_registry =
      std::make_unique<AdminRegistry>(r.world, *r.registry, *r.schema, r.rpc, *r.state);
  r.admin = std::make_unique<admin::Admin>(
      admin::Needs{.clock = r.world.clock,
                   .fibers = r.world.fibers,
                   .random = r.world.random,
                   .trace = r.world.trace,
                   .registry = *r.admin_registry,
                   .partitions = r.partitions},
      admin::Options{.version = r.options.version,
                     .ingress_endpoint = r.options.advertised_ingress.empty()
                                             ? "http://" + r.options.ingress_address + "/"
                                             : r.options.advertised_ingress,
                     .cluster_name = r.options.cluster_name,
                     .metadata_members = [&r] { return metadata_members(r.state->nodes()); },
                     .handler_defaults = r.options.invocation_defaults});
}

std::string health_text(const Rooms& r) {
  std::uint64_t leads = 0, broken = 0;
  if (r.replicas) {
    for (const auto& [id, replica] : r.replicas->all()) {
      const processor::Partition* const partition = replica->partition();
      leads += partition && partition->leads() ? 1 : 0;
      broken += partition && partition->broken() ? 1 : 0;
    }
  }
  const std::string wal_failed =
      std::ranges::any_of(r.wals, [](const auto& wal) { return wal.second->failed(); }) ? "true"
                                                                                        : "false";
  const std::string status = r.ingress ? "Alive" : "Starting";
  return "{\"status\":\"" + status + "\",\"node_id\":\"N" + std::to_string(r.layout.node.raw()) +
         ":" + std::to_string(r.layout.incarnation) + "\",\"cluster_name\":\"" +
         r.options.cluster_name + "\",\"partitions\":" + std::to_string(r.layout.partitions) +
         ",\"leading_on_this_shard\":" + std::to_string(leads) +
         ",\"broken_on_this_shard\":" + std::to_string(broken) + ",\"wal_failed\":" + wal_failed +
         "}\n";
}

}  // namespace perdure::node
