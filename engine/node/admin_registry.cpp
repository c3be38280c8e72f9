#include "engine/node/admin_registry.h"

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/peers.h"

namespace perdure::node {
namespace {

constexpr Duration spread_within = std::chrono::seconds(2);

std::unexpected<admin::Refused> refused(control::SchemaError error) {
  return std::unexpected(admin::Refused{
      .status = error.status, .code = std::move(error.code), .message = std::move(error.message)});
}

}  // namespace

admin::OrRefused<wire::Schema> AdminRegistry::current() {
  control::OrSchemaError<wire::Schema> schema = registry_.current();
  if (!schema) return refused(std::move(schema.error()));
  return std::move(*schema);
}

admin::OrRefused<admin::Registered> AdminRegistry::add(admin::Registration asked) {
  const bool dry_run = asked.dry_run;
  control::OrSchemaError<control::Changed> changed = registry_.add(
      {.address = {.uri = std::move(asked.uri),
                   .http = asked.use_http_11 ? wire::UsedHttp::http1 : wire::UsedHttp::http2,
                   .additional_headers = std::move(asked.additional_headers)},
       .metadata = std::move(asked.metadata),
       .options = {.force = asked.force, .breaking = asked.breaking},
       .dry_run = dry_run});
  if (!changed) return refused(std::move(changed.error()));
  if (!dry_run) spread(changed->schema.version);
  return admin::Registered{.schema = std::move(changed->schema),
                           .deployment = changed->deployment,
                           .created = changed->created};
}

admin::OrRefused<wire::Schema> AdminRegistry::update(wire::DeploymentId id,
                                                     admin::DeploymentUpdate asked) {
  const bool dry_run = asked.dry_run;
  control::OrSchemaError<wire::Schema> changed =
      registry_.update(id, {.uri = std::move(asked.uri),
                            .additional_headers = std::move(asked.additional_headers),
                            .use_http_11 = asked.use_http_11,
                            .overwrite = asked.overwrite,
                            .dry_run = dry_run});
  if (!changed) return refused(std::move(changed.error()));
  if (!dry_run) spread(changed->version);
  return std::move(*changed);
}

admin::OrRefused<wire::Schema> AdminRegistry::remove(wire::DeploymentId id) {
  return spread(registry_.remove(id));
}

admin::OrRefused<wire::Schema> AdminRegistry::modify(std::string_view service,
                                                     const admin::ServicePatch& patch) {
  return spread(registry_.modify(
      service, {.is_public = patch.is_public,
                .idempotency_retention = patch.idempotency_retention,
                .workflow_completion_retention = patch.workflow_completion_retention,
                .journal_retention = patch.journal_retention,
                .inactivity_timeout = patch.inactivity_timeout,
                .abort_timeout = patch.abort_timeout}));
}

admin::OrRefused<wire::Schema> AdminRegistry::spread(control::OrSchemaError<wire::Schema> changed) {
  if (!changed) return refused(std::move(changed.error()));
  spread(changed->version);
  return std::move(*changed);
}

// To every shard of every node that is taken for alive, side by side: who calls after this has
// returned finds the change wherever he calls.
void AdminRegistry::spread(std::uint64_t version) {
  const Instant deadline = world_.clock.steady() + spread_within;
  std::string request;
  put_be(request, version);
  const io::ShardAddress self = world_.peers.self();
  io::Group asking(world_.fibers);
  for (const control::NodeEntry& node : state_.nodes().nodes) {
    const bool there = node.id == self.node || state_.usable().is(node.id);
    if (node.state == control::NodeState::gone || !there) continue;
    for (std::uint32_t shard = 0; shard < node.shards; ++shard) {
      const io::ShardAddress to{.node = node.id, .shard = shard};
      if (to == self) continue;
      asking.start("schema.spread", [this, to, deadline, &request] {
        (void)rpc_.ask(to, Verb::schema_seen, request, deadline);
      });
    }
  }
  (void)view_.reached(version, deadline);
  asking.join();
}

void serve_schema_seen(io::World& world, Rpc& rpc, SchemaView& view) {
  rpc.serve(Verb::schema_seen, [&world, &view](std::string_view request) -> Result<std::string> {
    if (request.size() != 8) return fail(Code::invalid, "a version has 8 bytes");
    TRY_VOID(view.reached(get_be<std::uint64_t>(request), world.clock.steady() + spread_within));
    return std::string();
  });
}

}  // namespace perdure::node
