// Pause and Resume: attempts stop until somebody says go on.  Only what has begun can be
// paused; a queued or scheduled invocation is left alone.
#include "engine/processor/commands.h"

namespace perdure::processor {
namespace {

bool has_begun(Context& context, const Live& live) {
  return !std::holds_alternative<tables::Scheduled>(live.row.status) && !context.queued(live);
}

}  // namespace

void on(Context& context, const wire::Pause& pause) {
  Live* live = context.live(pause.id);
  if (!live || !has_begun(context, *live)) return;
  if (std::holds_alternative<tables::Paused>(live->row.status)) return;
  context.change(*live).status = tables::Paused{.last_failure = pause.last_failure};
  context.changes.list.push_back(Stopped{.id = pause.id});
}

// Also tries again at once what is running and backing off: an attempt is due either way.
void on(Context& context, const wire::Resume& resume) {
  Live* live = context.live(resume.id);
  if (!live || !has_begun(context, *live)) return;
  const bool running = std::holds_alternative<tables::Active>(live->row.status);
  if (running) return context.changes.list.push_back(Run{.id = resume.id});
  if (resume.deployment) context.change(*live).deployment = *resume.deployment;
  context.resume(*live);
}

}  // namespace perdure::processor
