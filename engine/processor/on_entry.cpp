// Entry: one command of a running handler.  It becomes part of the journal, then does
// what it says.  The leader has checked it before it proposed it; a payload that does
// not decode all the same changes nothing.
#include "engine/processor/commands.h"
#include "engine/processor/entries.h"

namespace perdure::processor {
namespace {

using enum wire::MessageType;

// Decodes, appends, does.
template <wire::Message T, class Do>
void take(Context& context, Live& live, const wire::Entry& entry, Do&& act) {
  const Result<T> message = wire::decode<T>(entry.payload);
  if (!message) return;
  context.append_command(live, entry.type, entry.payload);
  act(*message);
}

// Nothing happens but that it is in the journal.
void keep(Context& context, Live& live, const wire::Entry& entry) {
  context.append_command(live, entry.type, entry.payload);
}

void take_output(Context& context, Live& live, const wire::Entry& entry) {
  take<wire::OutputCommand>(context, live, entry, [&](const wire::OutputCommand& output) {
    context.change(live).output = output.result;
  });
}

void take_call(Context& context, Live& live, const wire::Entry& entry) {
  if (!entry.callee) return;
  if (entry.type == call_command) {
    take<wire::CallCommand>(context, live, entry,
                            [&](const auto& m) { call(context, live, m, *entry.callee); });
  } else {
    take<wire::OneWayCallCommand>(context, live, entry, [&](const auto& m) {
      one_way_call(context, live, m, *entry.callee);
    });
  }
}

void dispatch(Context& context, Live& live, const wire::Entry& entry) {
  switch (entry.type) {
    case output_command: return take_output(context, live, entry);
    case get_lazy_state_command:
      return take<wire::GetLazyStateCommand>(
          context, live, entry, [&](const auto& m) { get_lazy_state(context, live, m); });
    case get_lazy_state_keys_command:
      return take<wire::CompletableCommand>(
          context, live, entry, [&](const auto& m) { get_lazy_state_keys(context, live, m); });
    case set_state_command:
      return take<wire::SetStateCommand>(context, live, entry,
                                         [&](const auto& m) { set_state(context, live, m); });
    case clear_state_command:
      return take<wire::ClearStateCommand>(context, live, entry,
                                           [&](const auto& m) { clear_state(context, live, m); });
    case clear_all_state_command: keep(context, live, entry); return clear_all_state(context, live);
    case get_promise_command:
      return take<wire::PromiseCommand>(context, live, entry,
                                        [&](const auto& m) { get_promise(context, live, m); });
    case peek_promise_command:
      return take<wire::PromiseCommand>(context, live, entry,
                                        [&](const auto& m) { peek_promise(context, live, m); });
    case complete_promise_command:
      return take<wire::CompletePromiseCommand>(
          context, live, entry, [&](const auto& m) { complete_promise(context, live, m); });
    case sleep_command:
      return take<wire::SleepCommand>(context, live, entry,
                                      [&](const auto& m) { sleep(context, live, m); });
    case call_command:
    case one_way_call_command: return take_call(context, live, entry);
    case send_signal_command:
      return take<wire::SendSignalCommand>(context, live, entry,
                                           [&](const auto& m) { send_signal(context, m); });
    case complete_awakeable_command:
      return take<wire::CompleteAwakeableCommand>(
          context, live, entry, [&](const auto& m) { complete_awakeable(context, m); });
    case attach_invocation_command:
    case get_invocation_output_command:
      return take<wire::AttachCommand>(
          context, live, entry, [&](const auto& m) { attach(context, live, entry.type, m); });
    case get_eager_state_command:
    case get_eager_state_keys_command:
    case run_command: return keep(context, live, entry);
    default: return;  // no command of a handler: never in a journal
  }
}

}  // namespace

void on(Context& context, const wire::Entry& entry) {
  Live* live = context.live(entry.id);
  if (!live || !std::holds_alternative<tables::Active>(live->row.status)) return;
  dispatch(context, *live, entry);
}

}  // namespace perdure::processor
