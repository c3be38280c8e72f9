// Respond: what an invocation awaited of another has come.
#include <algorithm>

#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::Respond& respond) {
  Live* live = context.live(respond.to.invocation);
  if (!live || !wire::is_notification(respond.to.notification)) return;
  std::erase_if(context.change(*live).open_calls, [&](const tables::OpenCall& call) {
    return call.completion_id == respond.to.completion_id;
  });
  context.complete(*live, respond.to.notification, respond.to.completion_id, respond.result);
}

}  // namespace perdure::processor
