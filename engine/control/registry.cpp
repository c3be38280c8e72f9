#include "engine/control/registry.h"

namespace perdure::control {
namespace {

constexpr Duration metadata_within = std::chrono::seconds(10);
constexpr int rounds_max = 16;  // against somebody who is faster every time

std::unexpected<SchemaError> no_metadata(const Error& error) {
  const int status = error.code == Code::invalid || error.code == Code::full ? 400 : 503;
  return refuse(status, "", "the metadata store cannot take the change: " + error.detail);
}

Result<wire::Schema> schema_of(const Versioned& object) {
  if (object.version == 0) return wire::Schema{};
  TRY(schema, wire::decode<wire::Schema>(object.value));
  return std::move(schema);
}

}  // namespace

OrSchemaError<wire::Schema> Registry::current() {
  const auto object = needs_.metadata.get(schema_key, needs_.fibers.now() + metadata_within);
  if (!object) return no_metadata(object.error());
  auto schema = schema_of(*object);
  if (!schema) return no_metadata(schema.error());
  return std::move(*schema);
}

Result<wire::Schema> Registry::wait_newer(std::uint64_t version, Instant deadline) {
  TRY(object, needs_.metadata.wait_newer(schema_key, version, deadline));
  return schema_of(object);
}

OrSchemaError<Registry::Written> Registry::write(const wire::Schema& schema) {
  CHECK(schema.version > 0);
  Proposal proposal{.id = {.high = needs_.random.draw("control.proposal"),
                           .low = needs_.random.draw("control.proposal")}};
  proposal.writes.push_back({.key = std::string(schema_key),
                             .expected = schema.version - 1,
                             .value = wire::encode(schema)});
  const auto written =
      needs_.metadata.compare_and_set(std::move(proposal), needs_.fibers.now() + metadata_within);
  if (written) return Written::done;
  if (written.error().code == Code::conflict) return Written::somebody_was_faster;
  return no_metadata(written.error());
}

template <class Decide>
OrSchemaError<wire::Schema> Registry::change(Decide decide) {
  for (int round = 0; round < rounds_max; ++round) {
    const auto before = current();
    if (!before) return before;
    OrSchemaError<wire::Schema> after = decide(*before);
    if (!after || after->version == before->version) return after;
    const auto written = write(*after);
    if (!written) return std::unexpected(written.error());
    if (*written == Written::done) return after;
  }
  return refuse(503, "", "the schema is changed by others all the time, try again");
}

OrSchemaError<Changed> Registry::add(Registration wanted) {
  auto uri = normalised_uri(wanted.address.uri);
  if (!uri) return std::unexpected(uri.error());
  wanted.address.uri = *uri;

  const auto before = current();
  if (!before) return std::unexpected(before.error());
  const wire::Deployment* known = find_by_uri(*before, *uri);
  if (known && !wanted.options.force) {
    return Changed{.schema = *before, .deployment = known->id, .created = false};
  }
  auto declared = needs_.discovery.discover(wanted.address);
  if (!declared) return std::unexpected(declared.error());
  declared->metadata = wanted.metadata;

  const WallTime now = needs_.clock.wall();
  const wire::DeploymentId fresh{wire::ulid(now, needs_.random.draw("control.deployment"),
                                            needs_.random.draw("control.deployment"))};
  Changed changed;
  const auto written = change([&](const wire::Schema& schema) -> OrSchemaError<wire::Schema> {
    auto decided = register_deployment(schema, *declared, wanted.options, fresh, now);
    if (!decided) return std::unexpected(decided.error());
    changed = std::move(*decided);
    return wanted.dry_run ? schema : changed.schema;
  });
  if (!written) return std::unexpected(written.error());
  return changed;
}

OrSchemaError<wire::Schema> Registry::update(wire::DeploymentId id, DeploymentUpdate wanted) {
  DeploymentPatch patch{.additional_headers = wanted.additional_headers};
  if (wanted.uri) {
    auto uri = normalised_uri(*wanted.uri);
    if (!uri) return std::unexpected(uri.error());
    patch.uri = *uri;
  }
  const auto before = current();
  if (!before) return before;
  const wire::Deployment* known = before->find_deployment(id);
  if (!known) {
    return refuse(404, "", "The requested deployment '" + id.text() + "' does not exist");
  }
  if (wanted.overwrite || wanted.use_http_11) {
    using enum wire::UsedHttp;
    Address address{
        .uri = patch.uri.value_or(known->uri),
        .http = wanted.use_http_11 ? (*wanted.use_http_11 ? http1 : http2) : known->http,
        .additional_headers = wanted.additional_headers.value_or(known->additional_headers)};
    auto declared = needs_.discovery.discover(address);
    if (!declared) return std::unexpected(declared.error());
    patch.declared = std::move(*declared);
  }
  wire::Schema after;
  const auto written = change([&](const wire::Schema& schema) -> OrSchemaError<wire::Schema> {
    auto decided = update_deployment(schema, id, patch);
    if (!decided) return decided;
    after = std::move(*decided);
    return wanted.dry_run ? schema : after;
  });
  if (!written) return written;
  return after;
}

OrSchemaError<wire::Schema> Registry::remove(wire::DeploymentId id) {
  return change([&](const wire::Schema& schema) { return remove_deployment(schema, id); });
}

OrSchemaError<wire::Schema> Registry::modify(std::string_view service, const ServicePatch& patch) {
  return change([&](const wire::Schema& schema) { return modify_service(schema, service, patch); });
}

}  // namespace perdure::control
