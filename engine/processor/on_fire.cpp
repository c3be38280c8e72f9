// Fire: a timer is due.  The leader's clock decided when it tried; the record's time and
// the timer's row decide whether: a timer that is not there fires nothing, one that is
// early stays.
#include <algorithm>

#include "engine/processor/commands.h"

namespace perdure::processor {
namespace {

void start(Context& context, const tables::Timer& timer) {
  Live* live = context.live(timer.id);
  if (!live || !std::holds_alternative<tables::Scheduled>(live->row.status)) return;
  context.admit(*live);
}

void wake(Context& context, const tables::Timer& timer) {
  Live* live = context.live(timer.id);
  if (!live) return;
  std::erase_if(context.change(*live).open_sleeps, [&](const tables::OpenSleep& sleep) {
    return sleep.completion_id == timer.completion_id;
  });
  context.complete(*live, wire::MessageType::sleep_completion, timer.completion_id, wire::Void{});
}

}  // namespace

void on(Context& context, const wire::Fire& fire) {
  const tables::Timer timer{
      .due = fire.due, .kind = fire.kind, .id = fire.id, .completion_id = fire.completion_id};
  if (!context.store.get(tables::timer_key(timer))) return;
  if (fire.due > context.at) return context.changes.list.push_back(TimerAdded{.timer = timer});
  context.remove_timer(timer);
  switch (fire.kind) {
    case wire::TimerKind::start: return start(context, timer);
    case wire::TimerKind::sleep: return wake(context, timer);
  }
}

}  // namespace perdure::processor
