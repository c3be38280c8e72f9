// Invoke: somebody wants a handler to run.  Its id is its name: a second Invoke of the
// same name starts nothing, and its waiter is told what the first one brings, except that
// a workflow runs once and says so.
#include <algorithm>

#include "engine/processor/commands.h"

namespace perdure::processor {
namespace {

bool same(const wire::Waiter& a, const wire::Waiter& b) {
  return a.invocation == b.invocation && a.completion_id == b.completion_id &&
         a.notification == b.notification;
}

void join(Context& context, Live& live, const wire::Invoke& invoke) {
  if (!invoke.waiter) return;
  if (is_workflow_run(live.row.target)) return context.respond(*invoke.waiter, already_invoked());
  auto& waiters = live.row.waiters;
  if (std::ranges::any_of(waiters, [&](const auto& w) { return same(w, *invoke.waiter); })) return;
  context.change(live).waiters.push_back(*invoke.waiter);
}

void answer(Context& context, const tables::EndedRow& ended, const wire::Invoke& invoke) {
  if (!invoke.waiter) return;
  if (ended.workflow) return context.respond(*invoke.waiter, already_invoked());
  context.respond(*invoke.waiter, as_result(context.outcome_of(invoke.id, ended)));
}

std::string input_frame(const wire::Invoke& invoke) {
  std::string frame;
  wire::put_message(
      frame, wire::MessageType::input_command,
      wire::InputCommand{.headers = invoke.headers, .value = {.content = invoke.input}});
  return frame;
}

void begin(Context& context, const wire::Invoke& invoke) {
  Live& live = context.begin(invoke.id);
  tables::InvocationRow& row = context.change(live);
  row.target = invoke.target;
  row.retention = invoke.retention;
  row.invoked_by = invoke.invoked_by;
  row.invoked_by_target = invoke.invoked_by_target;
  if (invoke.waiter) row.waiters.push_back(*invoke.waiter);
  row.times.created = context.at;
  row.random_seed = invoke.random_seed;
  row.idempotency_key = invoke.idempotency_key;
  row.traceparent = invoke.traceparent;
  if (invoke.inherited) {
    row.deployment = invoke.inherited->deployment;
    row.protocol_version = invoke.inherited->protocol_version;
    context.take_journal(live, invoke.inherited->journal);
  } else {
    row.journal.entries = 1;
    row.journal.commands = 1;
    context.store.put(tables::journal_tail_key(invoke.id), input_frame(invoke));
  }
  context.changes.began = true;
  if (!invoke.due || *invoke.due <= context.at) return context.admit(live);
  row.status = tables::Scheduled{.due = *invoke.due};
  row.times.scheduled = context.at;
  context.add_timer({.due = *invoke.due, .kind = wire::TimerKind::start, .id = invoke.id});
}

}  // namespace

void on(Context& context, const wire::Invoke& invoke) {
  if (Live* live = context.live(invoke.id)) return join(context, *live, invoke);
  if (const auto ended = context.ended(invoke.id)) {
    if (context.kept(*ended)) return answer(context, *ended, invoke);
    context.forget(invoke.id, *ended);
  }
  begin(context, invoke);
}

}  // namespace perdure::processor
