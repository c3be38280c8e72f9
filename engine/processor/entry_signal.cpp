// Signals and awakeables: whatever their target is doing, it is told.
#include "engine/base/match.h"
#include "engine/processor/entries.h"

namespace perdure::processor {

void send_signal(Context& context, const wire::SendSignalCommand& send) {
  const auto id = wire::InvocationId::from_text(send.target_invocation_id);
  if (!id) return;
  wire::Signal signal{.id = *id, .signal = send.signal, .result = send.result};
  const auto* number = std::get_if<std::uint32_t>(&send.signal);
  if (number && *number == wire::cancel_signal) {
    return context.send_by_outbox(*id, {.body = wire::Cancel{.id = *id}});
  }
  context.send(*id, {.body = std::move(signal)});
}

void complete_awakeable(Context& context, const wire::CompleteAwakeableCommand& complete) {
  const auto id = wire::AwakeableId::from_text(complete.awakeable_id);
  if (!id) return;
  wire::Signal signal{.id = id->invocation, .signal = id->signal, .result = {}};
  match(
      complete.result, [&](const std::monostate&) { signal.result = wire::Void{}; },
      [&](const wire::Value& value) { signal.result = value; },
      [&](const wire::Failure& failure) { signal.result = failure; });
  context.send(id->invocation, {.body = std::move(signal)});
}

}  // namespace perdure::processor
