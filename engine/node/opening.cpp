#include "engine/node/opening.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/peers.h"
#include "engine/io/random.h"
#include "engine/io/tables.h"
#include "engine/io/trace.h"
#include "engine/node/cluster_view.h"
#include "engine/node/rooms.h"
#include "engine/node/snapshot_verbs.h"

namespace perdure::node {
namespace {

using Rooms = Shard::Rooms;

constexpr Duration hello_pause = std::chrono::milliseconds(5);
constexpr LogletId former_metadata = LogletId(UINT64_MAX);

// A loglet has one listener: where two met, one would hear nothing.
constexpr control::RaftLoglets kept_by_the_group;
static_assert(watched_loglet != kept_by_the_group.entries);
static_assert(watched_loglet != kept_by_the_group.ballots);
static_assert(watched_loglet != kept_by_the_group.snapshots);

wire::Uuid draw_id(io::World& world) {
  return {.high = world.random.draw("node.proposal"), .low = world.random.draw("node.proposal")};
}

// Reads the object under `key`, lets `change` make a new one, writes it; again when
// somebody was faster.  `change` returns false when it is good as it is.
template <class T, class Change>
Result<T> update(Rooms& r, const std::string& key, Change change) {
  const Instant deadline = r.world.clock.steady() + open_patience;
  for (;;) {
    TRY(found, r.metadata->get(key, deadline));
    TRY(value, wire::decode<T>(found.value));
    if (!change(value)) return std::move(value);
    control::Proposal proposal{.id = draw_id(r.world)};
    proposal.writes.push_back(
        {.key = key, .expected = found.version, .value = wire::encode(value)});
    const Result<void> written = r.metadata->compare_and_set(std::move(proposal), deadline);
    if (written) return std::move(value);
    if (written.error().code != Code::conflict) return std::unexpected(written.error());
  }
}

// --- storage -----------------------------------------------------------------------------

Result<void> open_wals(Rooms& r) {
  for (const std::uint32_t stream : r.layout.streams_of_shard(r.world.peers.self().shard)) {
    TRY(opened,
        wal::Wal::open(r.world.disk, r.world.fibers, r.world.trace,
                       {.folder = wal::stream_folder(stream),
                        .stream_id = r.layout.storage_id + stream,
                        .segment_bytes = static_cast<std::uint32_t>(r.options.segment_bytes)}));
    opened->listen(watched_loglet, r.wal_watch);
    r.loglets[stream] = std::make_unique<log::LogletStore>(*opened, r.world.fibers, r.world.trace);
    r.wals[stream] = std::move(opened);
  }
  return {};
}

// A cluster of one is a cluster: a metadata group with one voter, which others may join.
Result<void> open_metadata(Rooms& r) {
  if (r.wals.at(0)->find(former_metadata)) {
    return fail(Code::invalid, "the data directory is of a build before the metadata group");
  }
  TRY(metadata,
      control::RaftMetadata::open({.fibers = r.world.fibers,
                                   .random = r.world.random,
                                   .trace = r.world.trace,
                                   .wal = *r.wals.at(0),
                                   .members = r.group_members},
                                  {.self = r.options.node,
                                   .group = hash64(r.options.cluster_name),
                                   .first_members = {.voters = {r.options.node}, .learners = {}},
                                   .raft = {},
                                   .limits = {}}));
  r.store_of_metadata = std::move(metadata);
  r.metadata = r.store_of_metadata.get();
  serve_group(r.rpc, *r.store_of_metadata);
  return {};
}

Result<void> open_first(Rooms& r) {
  const std::uint64_t fingerprint = r.world.random.draw("node.fingerprint") | 1;  // if it is new
  TRY(opened, wal::open_marker(r.world.disk, {.cluster = r.options.cluster_name,
                                              .node = r.options.node,
                                              .streams = r.world.peers.shards(),
                                              .id = r.world.random.draw("node.storage_id"),
                                              .fingerprint = fingerprint}));
  r.layout.streams = opened.marker.streams;
  r.layout.shards = r.world.peers.shards();
  r.layout.storage_id = opened.marker.id;
  TRY_VOID(open_wals(r));

  TRY_VOID(open_metadata(r));
  TRY(cluster, update<ClusterConfig>(r, "cluster", [&](ClusterConfig& config) {
        if (config.partitions != 0 && config.fingerprint != 0) return false;
        if (config.partitions == 0) config.partitions = r.options.partitions;
        config.fingerprint =
            opened.marker.fingerprint != 0 ? opened.marker.fingerprint : fingerprint;
        return true;
      }));
  if (opened.marker.fingerprint != 0 && opened.marker.fingerprint != cluster.fingerprint) {
    return fail(Code::conflict, "the data directory belongs to another cluster of the name '" +
                                    r.options.cluster_name + "'");
  }
  r.layout.partitions = cluster.partitions;
  TRY(life, update<NodeLife>(r, "node/" + std::to_string(r.options.node.raw()),
                             [](NodeLife& node) { return ++node.incarnation, true; }));
  r.layout.incarnation = life.incarnation;
  r.layout.fingerprint = cluster.fingerprint;

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

// Shard 0 may be busy with its disk still, or have refused; then it says why.
Result<void> open_other(Rooms& r) {
  const io::ShardAddress first{.node = r.world.peers.self().node, .shard = 0};
  const Instant deadline = r.world.clock.steady() + open_patience;
  for (;;) {
    const Result<std::string> answer = r.rpc.ask(first, Verb::hello, {}, deadline);
    if (answer) {
      TRY(layout, wire::decode<Layout>(*answer));
      r.layout = layout;
      break;
    }
    if (answer.error().code != Code::retry_later || r.world.clock.steady() >= deadline) {
      return std::unexpected(answer.error());
    }
    TRY_VOID(r.world.fibers.sleep_until(r.world.clock.steady() + hello_pause));
  }
  r.remote_metadata = std::make_unique<RemoteMetadata>(r.world, r.rpc, first);
  r.metadata = r.remote_metadata.get();
  return open_wals(r);
}

// --- partitions --------------------------------------------------------------------------

// New epochs for all of them in one write, so that starting costs one sync.
Result<std::vector<Epoch>> mint_epochs(Rooms& r, const std::vector<PartitionId>& partitions) {
  const Instant deadline = r.world.clock.steady() + open_patience;
  for (;;) {
    control::Proposal proposal{.id = draw_id(r.world)};
    std::vector<Epoch> epochs;
    for (const PartitionId partition : partitions) {
      const std::string key = "epoch/" + std::to_string(partition.raw());
      TRY(found, r.metadata->get(key, deadline));
      epochs.push_back(Epoch(found.version + 1));  // the version is the epoch
      proposal.writes.push_back(
          {.key = key, .expected = found.version, .value = std::to_string(r.options.node.raw())});
    }
    const Result<void> written = r.metadata->compare_and_set(std::move(proposal), deadline);
    if (written) return epochs;
    if (written.error().code != Code::conflict) return std::unexpected(written.error());
  }
}

Result<void> restore_if_there_is_one(Rooms& r, tables::Snapshots& snapshots,
                                     const std::string& name) {
  const Result<tables::SnapshotManifest> restored = snapshots.restore(r.world.tables, name);
  if (restored || restored.error().code == Code::not_found) return {};
  return std::unexpected(restored.error());
}

// Tables may be deleted at any time: rotten ones are.  Those that are not there come back
// from a snapshot, or from the log alone.
Result<std::unique_ptr<io::Family>> open_family(Rooms& r, PartitionId partition,
                                                tables::Snapshots& snapshots) {
  const std::string name = family_of(partition);
  TRY(families, r.world.tables.list());
  if (std::ranges::find(families, name) == families.end()) {
    TRY_VOID(restore_if_there_is_one(r, snapshots, name));
    return r.world.tables.open(name);
  }
  Result<std::unique_ptr<io::Family>> opened = r.world.tables.open(name);
  Result<void> readable = opened ? Result<void>() : std::unexpected(opened.error());
  if (opened) {
    const auto row = (*opened)->get(std::string(tables::partition_row_key().str()));
    if (!row) readable = std::unexpected(row.error());
  }
  if (readable) return opened;
  if (readable.error().code != Code::corrupt) return std::unexpected(readable.error());

  r.world.trace.event(io::Level::warn, "node.tables.dropped",
                      {{"partition", partition.raw()}, {"why", readable.error().detail}});
  opened = fail(Code::corrupt, "dropped");
  TRY_VOID(r.world.tables.drop(name));
  TRY_VOID(restore_if_there_is_one(r, snapshots, name));
  return r.world.tables.open(name);
}

Result<void> open_replica(Rooms& r, PartitionId id, Replica& replica) {
  replica.snapshots = std::make_unique<tables::Snapshots>(r.world.disk, r.world.trace, id);
  TRY_VOID(replica.snapshots->open());
  TRY(family, open_family(r, id, *replica.snapshots));
  replica.family = std::move(family);
  replica.store = std::make_unique<tables::Store>(r.world.fibers, *replica.family);
  replica.partition = std::make_unique<processor::Partition>(
      processor::Partition::Parts{.world = r.world,
                                  .owner = {.partition = id, .partitions = r.layout.partitions},
                                  .store = *replica.store,
                                  .handlers = *r.handlers,
                                  .outbound = r.partitions},
      processor::Options{.node = r.options.node,
                         .incarnation = r.layout.incarnation,
                         .witness = r.options.witness});
  TRY_VOID(replica.partition->open(*replica.log));
  r.partitions.add(*replica.partition);
  TRY_VOID(replica.partition->lead(replica.epoch));
  r.checkpointer->add({.partition = *replica.partition,
                       .family = *replica.family,
                       .snapshots = *replica.snapshots,
                       .log = *replica.log});
  return {};
}

}  // namespace

Result<void> open_storage(Rooms& r) {
  TRY_VOID(r.first() ? open_first_or_say_why(r) : open_other(r));
  r.world.peers.identify({.node = r.options.node,
                          .incarnation = r.layout.incarnation,
                          .cluster = r.options.cluster_name,
                          .fingerprint = r.layout.fingerprint});
  r.world.trace.event(io::Level::info, "node.shard.opened",
                      {{"shard", r.world.peers.self().shard},
                       {"partitions", r.layout.partitions},
                       {"streams", r.layout.streams},
                       {"incarnation", r.layout.incarnation}});
  return {};
}

Result<void> open_partitions(Rooms& r) {
  const std::vector<PartitionId> partitions =
      r.layout.partitions_of_shard(r.world.peers.self().shard);
  if (partitions.empty()) return {};  // more shards than partitions
  std::vector<log::Place> places;
  for (const PartitionId partition : partitions) {
    places.push_back(
        {.partition = partition, .store = *r.loglets.at(r.layout.stream_of(partition))});
  }
  TRY(logs, log::open_logs(
                places, *r.chains, r.world.fibers, r.world.trace,
                {.node = r.options.node, .incarnation = log::Incarnation(r.layout.incarnation)}));
  TRY(epochs, mint_epochs(r, partitions));
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    Replica& replica = r.replicas[partitions[i]];
    replica.log = std::move(logs[i]);
    replica.epoch = epochs[i];
  }

  // Side by side, so that their announcements share a sync.
  std::optional<Error> failure;
  io::Group opening(r.world.fibers);
  for (const PartitionId partition : partitions) {
    opening.start(
        "node.open_partition",
        [&r, partition, &failure] {
          const Result<void> opened = open_replica(r, partition, r.replicas.at(partition));
          if (opened || failure) return;
          failure = Error{opened.error().code, "partition " + std::to_string(partition.raw()) +
                                                   ": " + opened.error().detail};
        },
        io::Stack::large);
  }
  opening.join();
  if (failure) return std::unexpected(*failure);
  return {};
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
  r.admin_registry = std::make_unique<AdminRegistry>(r.world, *r.registry, *r.schema, r.rpc);
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
                     .metadata_members = {r.options.node.raw()},
                     .handler_defaults = r.options.invocation_defaults});
  r.operations = std::make_unique<Operations>(
      r.world, *r.metadata,
      Operations::Sources{
          .health = [&r] { return health_text(r); },
          .metrics = [&r] { return r.options.metrics ? r.options.metrics() : std::string(); },
          .cluster = [&r] { return cluster_text(r); },
          .admits = [&r](const io::Request& request, std::string_view body) -> Result<void> {
            if (!r.options.admits) return {};
            return r.options.admits(request, body, r.world.clock.wall());
          }});
}

std::string health_text(const Rooms& r) {
  std::uint64_t leads = 0, broken = 0;
  for (const auto& [id, replica] : r.replicas) {
    leads += replica.partition && replica.partition->leads() ? 1 : 0;
    broken += replica.partition && replica.partition->broken() ? 1 : 0;
  }
  const std::string wal_failed =
      std::ranges::any_of(r.wals, [](const auto& wal) { return wal.second->failed(); }) ? "true"
                                                                                        : "false";
  return "{\"status\":\"Alive\",\"node_id\":\"N" + std::to_string(r.options.node.raw()) + ":" +
         std::to_string(r.layout.incarnation) + "\",\"cluster_name\":\"" + r.options.cluster_name +
         "\",\"partitions\":" + std::to_string(r.layout.partitions) +
         ",\"leading_on_this_shard\":" + std::to_string(leads) +
         ",\"broken_on_this_shard\":" + std::to_string(broken) + ",\"wal_failed\":" + wal_failed +
         "}\n";
}

}  // namespace perdure::node
