// Suspend: the attempt has ended, waiting.  What it waits for may have come between its
// last look and this record, and then it goes on: that closes the race without a lock.
#include "engine/processor/commands.h"
#include "engine/processor/future.h"

namespace perdure::processor {

void on(Context& context, const wire::Suspend& suspend) {
  Live* live = context.live(suspend.id);
  if (!live || !std::holds_alternative<tables::Active>(live->row.status)) return;
  if (settle(suspend.awaiting, live->row.journal) != Settled::open) return context.resume(*live);
  context.change(*live).status = tables::Suspended{.awaiting = suspend.awaiting};
  context.changes.list.push_back(Stopped{.id = suspend.id});
}

}  // namespace perdure::processor
