// End and Fail: the handler is done.
#include "engine/processor/commands.h"

namespace perdure::processor {

// The leader refuses an End without an output before it proposes it.
void on(Context& context, const wire::End& end) {
  Live* live = context.live(end.id);
  if (!live || !std::holds_alternative<tables::Active>(live->row.status)) return;
  wire::Outcome outcome = std::move(live->row.output);
  if (outcome.index() == 0) {
    outcome = wire::Failure{.code = 500, .message = "the handler ended without an output"};
  }
  context.finish(*live, std::move(outcome), Keep::as_retained);
}

void on(Context& context, const wire::Fail& fail) {
  Live* live = context.live(fail.id);
  if (!live || !std::holds_alternative<tables::Active>(live->row.status)) return;
  context.finish(*live, fail.failure, Keep::as_retained);
}

}  // namespace perdure::processor
