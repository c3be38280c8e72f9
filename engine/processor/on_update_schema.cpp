// UpdateSchema: the schema the partition goes by from here on.
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::UpdateSchema& update) {
  if (update.version <= context.partition.schema_version) return;
  context.partition.schema_version = update.version;
  context.store.put(tables::schema_key(), update.schema);
  context.changes.list.push_back(SchemaChanged{.version = update.version});
}

}  // namespace perdure::processor
