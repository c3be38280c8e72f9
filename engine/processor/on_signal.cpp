// Signal: an awakeable is completed, or a named signal comes.  It may come before the
// handler has asked for it, so any live invocation takes it.
#include "engine/base/match.h"
#include "engine/processor/commands.h"

namespace perdure::processor {
namespace {

wire::NotificationResult result_of(const wire::Signal& signal) {
  return match(
      signal.result, [](const std::monostate&) -> wire::NotificationResult { return wire::Void{}; },
      [](const wire::Void&) -> wire::NotificationResult { return wire::Void{}; },
      [](const wire::Value& value) -> wire::NotificationResult { return value; },
      [](const wire::Failure& failure) -> wire::NotificationResult { return failure; });
}

void by_number(Context& context, const wire::Signal& signal, std::uint32_t number) {
  if (number == wire::cancel_signal) return on(context, wire::Cancel{.id = signal.id});
  Live* live = context.live(signal.id);
  if (!live) return;
  // An awakeable is completed once; whoever comes later changes nothing.
  if (live->row.journal.signals.contains(number)) return;
  context.notify(*live, wire::MessageType::signal_notification,
                 wire::Notification::of_signal(number, result_of(signal)));
}

void by_name(Context& context, const wire::Signal& signal, const std::string& name) {
  Live* live = context.live(signal.id);
  if (!live) return;
  context.notify(*live, wire::MessageType::signal_notification,
                 wire::Notification::of_named_signal(name, result_of(signal)));
}

}  // namespace

void on(Context& context, const wire::Signal& signal) {
  match(
      signal.signal, [](const std::monostate&) {},
      [&](const std::uint32_t& number) { by_number(context, signal, number); },
      [&](const std::string& name) { by_name(context, signal, name); });
}

}  // namespace perdure::processor
