// Attach: tell a waiter the outcome of an invocation, now or when there is one.
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::Attach& attach) {
  if (Live* live = context.live(attach.id)) {
    if (attach.only_if_ready) return context.respond(attach.waiter, wire::Void{});
    context.change(*live).waiters.push_back(attach.waiter);
    return;
  }
  const auto ended = context.ended(attach.id);
  if (!ended || !context.kept(*ended)) return context.respond(attach.waiter, not_found());
  context.respond(attach.waiter, as_result(context.outcome_of(attach.id, *ended)));
}

}  // namespace perdure::processor
