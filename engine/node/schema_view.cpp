#include "engine/node/schema_view.h"

#include "engine/control/registry.h"
#include "engine/io/clock.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::minutes(10);  // of one question to the store
constexpr Duration pause = std::chrono::milliseconds(100);

}  // namespace

Result<void> SchemaView::open(Instant deadline) {
  TRY(found, metadata_.get(control::schema_key, deadline));
  TRY_VOID(take(found));
  following_.start("schema.follow", [this] { follow(); });
  return {};
}

Result<void> SchemaView::reached(std::uint64_t version, Instant deadline) {
  while (schema_.version < version) TRY_VOID(grew_.wait(deadline));
  return {};
}

void SchemaView::follow() {
  for (;;) {
    const Result<control::Versioned> newer = metadata_.wait_newer(
        control::schema_key, schema_.version, world_.clock.steady() + patience);
    if (newer) {
      if (const Result<void> taken = take(*newer); !taken) {
        world_.trace.event(io::Level::error, "node.schema.unreadable",
                           {{"why", taken.error().detail}});
        return;
      }
    } else if (newer.error().code == Code::cancelled) {
      return;
    } else if (newer.error().code != Code::timed_out &&
               !world_.fibers.sleep_until(world_.clock.steady() + pause)) {
      return;
    }
  }
}

Result<void> SchemaView::take(const control::Versioned& found) {
  if (found.version == 0) return {};
  TRY(schema, wire::decode<wire::Schema>(found.value));
  schema.version = found.version;
  schema_ = std::move(schema);
  world_.trace.event(io::Level::debug, "node.schema.seen", {{"version", schema_.version}});
  grew_.notify_all();
  return {};
}

}  // namespace perdure::node
