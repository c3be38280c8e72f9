// engine/node/rooms.h
//
// What a Shard is made of, in the order in which it is made; it goes in the opposite one.
// For shard.cpp, and for checkers that look at a shard from outside.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/admin/admin.h"
#include "engine/control/discovery.h"
#include "engine/control/metadata_client.h"
#include "engine/control/raft_metadata.h"
#include "engine/control/registry.h"
#include "engine/ingress/ingress.h"
#include "engine/invoker/invoker.h"
#include "engine/log/log.h"
#include "engine/log/sweeper.h"
#include "engine/node/admin_registry.h"
#include "engine/node/checkpointer.h"
#include "engine/node/cluster_state.h"
#include "engine/node/controller.h"
#include "engine/node/group_members.h"
#include "engine/node/handlers.h"
#include "engine/node/log_servers.h"
#include "engine/node/metadata_chains.h"
#include "engine/node/operations.h"
#include "engine/node/partitions.h"
#include "engine/node/pulse.h"
#include "engine/node/remote_metadata.h"
#include "engine/node/replicas.h"
#include "engine/node/schema_view.h"
#include "engine/node/shard.h"
#include "engine/wal/storage_marker.h"
#include "engine/wal/wal.h"

namespace perdure::node {

// Hears of what ends a process: a WAL that has failed for good, tables that take no
// checkpoint, a later life of the same node.
class WalWatch final : public wal::Listener {
 public:
  explicit WalWatch(io::Fibers& fibers) : heard_(fibers) {}
  void durable(LogletId, Offset) override {}
  void failed(const Error& why) override {
    if (!why_) why_ = why;
    heard_.notify_all();
  }
  // Parks until then.  Error: why; or cancelled.
  Error wait() {
    const Result<void> waited = wait_unless([] { return false; });
    return waited ? Error() : waited.error();
  }
  // The same; or until `over()`, which look() makes it ask again: then ok.
  template <class Over>
  Result<void> wait_unless(Over over) {
    while (!why_ && !over()) TRY_VOID(heard_.wait());
    if (why_) return std::unexpected(*why_);
    return {};
  }
  void look() { heard_.notify_all(); }

 private:
  std::optional<Error> why_;
  io::Event heard_;
};

struct Shard::Rooms {
  Rooms(const Options& told, const io::World& given);

  Options options;
  io::World world;
  Rpc rpc;
  Layout layout;
  WalWatch wal_watch;
  std::map<std::uint32_t, std::unique_ptr<wal::Wal>> wals;             // by stream
  std::map<std::uint32_t, std::unique_ptr<log::LogletStore>> loglets;  // over each of them
  GroupMembers group_members;
  std::unique_ptr<control::RaftMetadata> store_of_metadata;  // shard 0's, of a member
  std::unique_ptr<control::MetadataClient> metadata_client;  // shard 0's, of who is none
  std::unique_ptr<RemoteMetadata> remote_metadata;           // of the other shards
  control::Metadata* metadata = nullptr;                     // one of the three
  control::Nodes known;                                      // at the start: a guess
  std::unique_ptr<ClusterState> state;
  std::unique_ptr<MetadataChains> chains;
  std::unique_ptr<LogServers> log_servers;
  std::unique_ptr<log::Server> log_server;
  std::unique_ptr<log::Cluster> log_cluster;
  std::unique_ptr<log::Sweeper> log_sweeper;
  std::unique_ptr<SchemaView> schema;
  Partitions partitions;
  std::unique_ptr<PartitionJournal> journal;
  std::unique_ptr<invoker::Invoker> invoker;
  std::unique_ptr<InvokerHandlers> handlers;
  std::unique_ptr<Checkpointer> checkpointer;
  std::unique_ptr<Replicas> replicas;
  std::unique_ptr<ingress::Ingress> ingress;
  // Shard 0 only.
  io::Event provisioned;  // somebody said: make a cluster
  bool told_to_provision = false;
  std::unique_ptr<Pulse> pulse;
  std::unique_ptr<Controller> controller;
  std::unique_ptr<control::Discovery> discovery;
  std::unique_ptr<control::Registry> registry;
  std::unique_ptr<AdminRegistry> admin_registry;
  std::unique_ptr<admin::Admin> admin;
  std::unique_ptr<Operations> operations;

  std::unique_ptr<io::HttpServer> ingress_server, admin_server, node_server;
  io::Group errands;
  bool stopped = false;

  bool is(control::NodeRole role) const {
    return (options.roles & static_cast<std::uint32_t>(role)) != 0;
  }
  bool first() const { return world.peers.self().shard == 0; }
};

}  // namespace perdure::node
