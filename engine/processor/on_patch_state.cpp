// PatchState: somebody replaces the whole state of one object.  It takes its turn in the
// object's queue, so it never changes what a running handler has read.
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::PatchState& patch) {
  if (!has_state(patch.target)) return;
  const tables::Key key =
      tables::lock_key({.partition_key = wire::keyed_partition_key(patch.target.key),
                        .service = patch.target.service,
                        .key = patch.target.key});
  if (!context.store.get(key)) return context.patch_state(patch);
  tables::LockEdit(context.store.edit(key)).push(tables::Waiting::patch, wire::encode(patch));
}

}  // namespace perdure::processor
