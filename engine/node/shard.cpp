#include "engine/node/shard.h"

#include <optional>

#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/http.h"
#include "engine/io/names.h"
#include "engine/io/peers.h"
#include "engine/io/random.h"
#include "engine/io/tables.h"
#include "engine/io/trace.h"
#include "engine/node/cluster_view.h"
#include "engine/node/log_verbs.h"
#include "engine/node/opening.h"
#include "engine/node/rooms.h"
#include "engine/node/snapshot_fetch.h"

namespace perdure::node {
namespace {

invoker::Options invoker_options(const Options& options) {
  return {.attempts_max = options.concurrent_invocations_max,
          .message_bytes_max = static_cast<std::uint32_t>(options.request_bytes_max),
          .state_bytes_max = static_cast<std::uint32_t>(options.request_bytes_max),
          .protocol_version_cap = options.protocol_v7 ? 7u : 6u,
          .additional_headers = {{"x-restate-cluster-name", options.cluster_name}},
          .defaults = options.invocation_defaults};
}

ingress::Options ingress_options(const Options& options) {
  return {.body_bytes_max = options.request_bytes_max,
          .requests_max = options.concurrent_requests_max,
          .retry_pause = std::chrono::milliseconds(20),
          .retry_pause_max = std::chrono::milliseconds(200),
          .handler_defaults = options.invocation_defaults};
}

tables::CheckpointOptions checkpoint_options(const Options& options) {
  return {.dirty_bytes_max = options.dirty_bytes_max,
          .log_bytes_max = options.checkpoint_log_bytes,
          .age_max = options.checkpoint_every,
          .shared_bytes_max = options.dirty_bytes_max * 2};
}

// Of a cluster of one: it serves when it leads, or says why it cannot.  With several nodes
// others may have to come first.
Result<void> wait_for_our_partitions(Shard::Rooms& r) {
  const Instant deadline = r.world.clock.steady() + open_patience;
  const bool can_be_led = r.state->replication().copies == 1 && r.is(control::NodeRole::worker) &&
                          r.is(control::NodeRole::log);
  if (!can_be_led) return {};
  TRY_VOID(r.state->wait_for_plan(1, deadline));
  return r.replicas->wait_settled(deadline);
}

Result<void> open_rooms(Shard::Rooms& r) {
  if (r.first()) TRY_VOID(open_node_port(r));
  TRY_VOID(open_storage(r));
  TRY_VOID(open_cluster(r));

  r.schema = std::make_unique<SchemaView>(r.world, *r.metadata);
  TRY_VOID(r.schema->open(r.world.clock.steady() + open_patience));
  serve_schema_seen(r.world, r.rpc, *r.schema);
  serve_view(r);
  serve_log_verbs(r);

  r.partitions.begin(r.layout.partitions, *r.state);
  r.partitions.serve();
  r.journal = std::make_unique<PartitionJournal>(r.partitions);
  r.invoker = std::make_unique<invoker::Invoker>(r.world, invoker_options(r.options), *r.journal,
                                                 *r.schema);
  r.checkpointer = std::make_unique<Checkpointer>(
      r.world, checkpoint_options(r.options), [&r](const Error& why) { r.wal_watch.failed(why); },
      [&r] {
        return std::ranges::any_of(r.wals, [](const auto& w) { return w.second->is_full(); });
      });
  r.handlers = std::make_unique<InvokerHandlers>(*r.invoker, *r.checkpointer);
  r.replicas = std::make_unique<Replicas>(ReplicaNeeds{.world = r.world,
                                                       .rpc = r.rpc,
                                                       .options = r.options,
                                                       .layout = r.layout,
                                                       .state = *r.state,
                                                       .metadata = *r.metadata,
                                                       .chains = *r.chains,
                                                       .loglets = r.loglets,
                                                       .cluster = *r.log_cluster,
                                                       .partitions = r.partitions,
                                                       .handlers = *r.handlers,
                                                       .checkpointer = *r.checkpointer});
  serve_replicas(r.rpc, r.world, *r.replicas, r.options.snapshot_piece_bytes);
  r.state->on_change([&r] { r.replicas->look(); });
  r.replicas->start();
  r.checkpointer->start();
  if (r.state->is_alone()) TRY_VOID(wait_for_our_partitions(r));

  r.ingress = std::make_unique<ingress::Ingress>(ingress::Needs{.clock = r.world.clock,
                                                                .fibers = r.world.fibers,
                                                                .random = r.world.random,
                                                                .trace = r.world.trace,
                                                                .partitions = r.partitions,
                                                                .schemas = *r.schema},
                                                 ingress_options(r.options));
  if (r.first()) open_administration(r);
  return {};
}

}  // namespace

// The wiring diagram: what needs nothing but the World.  The rest is made by open(),
// which knows where everything is.
Shard::Rooms::Rooms(const Options& told, const io::World& given)
    : options(told),
      world(given),
      rpc(world),
      wal_watch(world.fibers),
      group_members(rpc),
      partitions(world, rpc),
      provisioned(world.fibers),
      errands(world.fibers) {}

Shard::Shard(const Options& options, const io::World& world)
    : rooms_(std::make_unique<Rooms>(options, world)) {}

Shard::~Shard() = default;

// A disk that fails while the shard waits for other nodes ends the wait: they may be waiting
// for this one, which takes a new process.
Result<void> Shard::open() {
  Rooms& r = *rooms_;
  std::optional<Result<void>> opened;
  io::Group opening(r.world.fibers);
  opening.start(
      "node.open",
      [&r, &opened] {
        opened = open_rooms(r);
        r.wal_watch.look();
      },
      io::Stack::large);
  const Result<void> waited = r.wal_watch.wait_unless([&opened] { return opened.has_value(); });
  opening.stop();
  if (!waited) return waited;
  return *opened;
}

Result<Addresses> Shard::listen(const std::string& ingress_address) {
  Rooms& r = *rooms_;
  Addresses bound;
  if (r.node_server) bound.node = r.node_server->address();
  if (r.is(control::NodeRole::ingress)) {
    TRY(ingress, r.world.http.serve(ingress_address, io::HttpLimits(),
                                    [&r](io::Exchange& e) { r.ingress->serve(e); }));
    r.ingress_server = std::move(ingress);
    bound.ingress = r.ingress_server->address();
  }
  if (r.first() && r.is(control::NodeRole::admin)) {
    TRY(admin, r.world.http.serve(r.options.admin_address, io::HttpLimits(),
                                  [&r](io::Exchange& e) { r.admin->serve(e); }));
    r.admin_server = std::move(admin);
    bound.admin = r.admin_server->address();
  }
  return bound;
}

Error Shard::wait_until_failed() { return rooms_->wal_watch.wait(); }

// Others lead on; then from the outside in: no new requests, no new attempts, then nothing is
// applied, then nothing is written.
void Shard::stop() {
  Rooms& r = *rooms_;
  if (r.stopped) return;
  r.stopped = true;
  const Instant drained = r.world.clock.steady() + r.options.drain;
  if (r.pulse) r.pulse->leave();
  if (r.replicas && !r.state->is_alone()) (void)r.replicas->wait_until_none_leads(drained);
  for (auto* server : {&r.ingress_server, &r.admin_server, &r.node_server}) {
    if (*server) (*server)->stop(drained);
    server->reset();
  }
  if (r.invoker) r.invoker->shut_down();
  if (r.controller) r.controller->stop();
  if (r.pulse) r.pulse->stop();
  if (r.replicas) r.replicas->rest();
  if (r.checkpointer) r.checkpointer->finish();
  if (r.replicas) r.replicas->stop();
  r.errands.stop();
  if (r.log_sweeper) r.log_sweeper->stop();
  r.rpc.stop();
  r.partitions.clear();
  if (r.schema) r.schema->stop();
  if (r.state) r.state->stop();
  if (r.store_of_metadata) r.store_of_metadata->stop();
  // What is still on its way to the disk is answered for yet: log_servers stays until then.
  for (auto& [stream, wal] : r.wals) {
    wal->unlisten(watched_loglet);
    wal->stop();
  }
}

void Shard::check_invariants() const {
  if (rooms_->replicas) rooms_->replicas->check_invariants();
  for (const auto& [stream, wal] : rooms_->wals) wal->check_invariants();
  if (rooms_->invoker) rooms_->invoker->check_invariants();
}

}  // namespace perdure::node
