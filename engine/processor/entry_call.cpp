// Calls of other handlers.  The leader has resolved whom they mean, so the name of the
// callee is known at once, wherever it lives.
#include "engine/processor/entries.h"

namespace perdure::processor {
namespace {

void tell_id(Context& context, Live& live, std::uint32_t completion_id,
             const wire::InvocationId& callee) {
  context.complete(live, wire::MessageType::call_invocation_id_completion, completion_id,
                   callee.text());
}

wire::Invoke invoke_of(const Live& caller, const wire::Callee& callee, const std::string& input,
                       const std::vector<wire::KeyValue>& headers,
                       const std::optional<std::string>& idempotency_key) {
  return {.id = callee.id,
          .target = callee.target,
          .headers = headers,
          .input = input,
          .invoked_by = caller.id,
          .invoked_by_target = caller.row.target,
          .retention = callee.retention,
          .idempotency_key = idempotency_key,
          .random_seed = callee.random_seed,
          .traceparent = caller.row.traceparent};
}

}  // namespace

void call(Context& context, Live& live, const wire::CallCommand& call, const wire::Callee& callee) {
  tell_id(context, live, call.invocation_id_notification_idx, callee.id);
  context.change(live).open_calls.push_back(
      {.callee = callee.id, .completion_id = call.result_completion_id});
  wire::Invoke invoke = invoke_of(live, callee, call.parameter, call.headers, call.idempotency_key);
  invoke.waiter = wire::Waiter{.invocation = live.id,
                               .notification = wire::MessageType::call_completion,
                               .completion_id = call.result_completion_id};
  context.send(callee.id, {.body = std::move(invoke)});
}

void one_way_call(Context& context, Live& live, const wire::OneWayCallCommand& call,
                  const wire::Callee& callee) {
  tell_id(context, live, call.invocation_id_notification_idx, callee.id);
  wire::Invoke invoke = invoke_of(live, callee, call.parameter, call.headers, call.idempotency_key);
  constexpr std::uint64_t latest = std::uint64_t{1} << 52;  // a date no clock shows
  if (call.invoke_time > 0) {
    invoke.due = WallTime(
        std::chrono::milliseconds(static_cast<std::int64_t>(std::min(call.invoke_time, latest))));
  }
  context.send(callee.id, {.body = std::move(invoke)});
}

}  // namespace perdure::processor
