// engine/node/schema_view.h
//
// The latest schema this shard has seen, for all its rooms.  A fiber follows the metadata
// store; whoever changed the schema may ask that every shard has caught up before he
// says so to a client (reached()).
#pragma once

#include "engine/control/metadata.h"
#include "engine/ingress/ingress.h"
#include "engine/invoker/needs.h"
#include "engine/io/world.h"

namespace perdure::node {

class SchemaView final : public ingress::Schemas, public invoker::Schemas {
 public:
  SchemaView(io::World& world, control::Metadata& metadata)
      : world_(world), metadata_(metadata), grew_(world.fibers), following_(world.fibers) {}

  Result<void> open(Instant deadline);  // parks: reads what there is, then follows
  void stop() { following_.stop(); }    // parks

  const wire::Schema& current() const override { return schema_; }
  const wire::Schema& current() override { return schema_; }
  // Parks until a schema of that version or a later one is seen.
  Result<void> reached(std::uint64_t version, Instant deadline);

 private:
  void follow();
  Result<void> take(const control::Versioned&);

  io::World& world_;
  control::Metadata& metadata_;
  wire::Schema schema_;
  io::Event grew_;
  io::Group following_;
};

}  // namespace perdure::node
