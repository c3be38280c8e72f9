// Cancel, and Signal number 1, which is the same: ask an invocation to end.  One that
// has not begun ends here; another is told, and woken up to hear it.
#include "engine/base/match.h"
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::Cancel& cancel) {
  Live* live = context.live(cancel.id);
  if (!live) return;
  if (std::holds_alternative<tables::Scheduled>(live->row.status) || context.queued(*live)) {
    return context.finish(*live, canceled(), Keep::nothing);
  }
  context.notify(*live, wire::MessageType::signal_notification,
                 wire::Notification::of_signal(wire::cancel_signal, wire::Void{}));
  if (!std::holds_alternative<tables::Active>(live->row.status)) context.resume(*live);
}

}  // namespace perdure::processor
