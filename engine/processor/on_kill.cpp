// Kill: the invocation ends now, whatever its handler thinks, and so do those it called
// and still waits for.
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::Kill& kill) {
  Live* live = context.live(kill.id);
  if (!live) return;
  if (std::holds_alternative<tables::Scheduled>(live->row.status) || context.queued(*live)) {
    return context.finish(*live, killed(), Keep::nothing);
  }
  context.kill_calls(*live);
  context.finish(*live, killed(), Keep::as_retained);
}

}  // namespace perdure::processor
