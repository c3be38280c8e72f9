// Promises of a workflow: whoever of its handlers comes first completes one, all others
// of them may wait for it.
#include "engine/base/match.h"
#include "engine/processor/entries.h"

namespace perdure::processor {
namespace {

using enum wire::MessageType;

bool has_promises(const Live& live) {
  return live.row.target.service_type == wire::ServiceType::workflow;
}

tables::Key key_of(const Live& live, std::string_view name) {
  return tables::promise_key(tables::object_of(live.id, live.row.target), name);
}

tables::PromiseRow read(Context& context, const tables::Key& key) {
  const std::string* bytes = context.store.get(key);
  if (!bytes) return {};
  Result<tables::PromiseRow> row = wire::decode<tables::PromiseRow>(*bytes);
  CHECK(row.has_value());
  return std::move(*row);
}

wire::Failure already_completed() {
  return {.code = 409, .message = "promise was already completed"};
}

}  // namespace

void get_promise(Context& context, Live& live, const wire::PromiseCommand& get) {
  if (!has_promises(live)) return;
  const tables::Key key = key_of(live, get.key);
  tables::PromiseRow promise = read(context, key);
  if (promise.result.index() != 0) {
    return context.complete(live, get_promise_completion, get.result_completion_id,
                            as_result(promise.result));
  }
  promise.waiters.push_back({.invocation = live.id,
                             .notification = get_promise_completion,
                             .completion_id = get.result_completion_id});
  context.store.put(key, wire::encode(promise));
}

void peek_promise(Context& context, Live& live, const wire::PromiseCommand& peek) {
  if (!has_promises(live)) return;
  const tables::PromiseRow promise = read(context, key_of(live, peek.key));
  context.complete(live, peek_promise_completion, peek.result_completion_id,
                   as_result(promise.result));
}

void complete_promise(Context& context, Live& live, const wire::CompletePromiseCommand& complete) {
  if (!has_promises(live)) return;
  const tables::Key key = key_of(live, complete.key);
  tables::PromiseRow promise = read(context, key);
  if (promise.result.index() != 0) {
    return context.complete(live, complete_promise_completion, complete.result_completion_id,
                            already_completed());
  }
  promise.result = complete.completion;
  if (promise.result.index() == 0) promise.result = wire::Value{};
  for (const auto& waiter : promise.waiters) context.respond(waiter, as_result(promise.result));
  promise.waiters.clear();
  context.store.put(key, wire::encode(promise));
  context.complete(live, complete_promise_completion, complete.result_completion_id, wire::Void{});
}

}  // namespace perdure::processor
