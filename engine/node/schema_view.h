// engine/node/schema_view.h
//
// The latest schema this shard has seen, for all its rooms.  Whoever changed the schema may
// ask that every shard has caught up before he says so to a client (reached()).
#pragma once

#include "engine/control/metadata.h"
#include "engine/ingress/ingress.h"
#include "engine/invoker/needs.h"
#include "engine/io/world.h"
#include "engine/node/watched.h"

namespace perdure::node {

class SchemaView final : public ingress::Schemas, public invoker::Schemas {
 public:
  SchemaView(io::World& world, control::Metadata& metadata);

  // Parks: reads what there is, then follows.
  Result<void> open(Instant deadline) { return watched_.open(deadline); }
  void stop() { watched_.stop(); }  // parks

  const wire::Schema& current() const override { return schema_; }
  const wire::Schema& current() override { return schema_; }
  // Parks until a schema of that version or a later one is seen.
  Result<void> reached(std::uint64_t version, Instant deadline) {
    return watched_.reached(version, deadline);
  }

 private:
  wire::Schema schema_;  // as watched, and with the version that the store gives it
  Watched<wire::Schema> watched_;
};

}  // namespace perdure::node
