// Pin: which deployment and protocol version serve the invocation from now on.
#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::Pin& pin) {
  Live* live = context.live(pin.id);
  if (!live || !std::holds_alternative<tables::Active>(live->row.status)) return;
  tables::InvocationRow& row = context.change(*live);
  row.deployment = pin.deployment;
  row.protocol_version = pin.protocol_version;
  if (row.times.running == WallTime()) row.times.running = context.at;
}

}  // namespace perdure::processor
