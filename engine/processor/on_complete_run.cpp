// CompleteRun: the result of a `run` closure.  A second result of the same run, from an
// attempt that was given up, changes nothing.
#include "engine/base/match.h"
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::CompleteRun& run) {
  Live* live = context.live(run.id);
  if (!live || !std::holds_alternative<tables::Active>(live->row.status)) return;
  context.complete(*live, wire::MessageType::run_completion, run.completion_id,
                   as_result(run.result));
}

}  // namespace perdure::processor
