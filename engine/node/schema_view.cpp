#include "engine/node/schema_view.h"

#include "engine/control/registry.h"

namespace perdure::node {

SchemaView::SchemaView(io::World& world, control::Metadata& metadata)
    : watched_(world, metadata, control::schema_key, [this] {
        schema_ = watched_.now();
        schema_.version = watched_.version();
      }) {}

}  // namespace perdure::node
