// TruncateOutbox: what was sent up to here is applied where it went.
#include <algorithm>

#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::TruncateOutbox& truncate) {
  tables::PartitionRow& partition = context.partition;
  while (partition.outbox_head <= truncate.through &&
         partition.outbox_head < partition.outbox_next) {
    context.store.erase(tables::outbox_key(partition.outbox_head++));
  }
}

}  // namespace perdure::processor
