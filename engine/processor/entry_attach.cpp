// AttachInvocation and GetInvocationOutput: the outcome of an invocation somebody else
// began, by its id or by what its id is made from.
#include "engine/base/match.h"
#include "engine/processor/entries.h"

namespace perdure::processor {
namespace {

std::optional<wire::InvocationId> by_key(const wire::IdempotentRequestTarget& target) {
  const wire::Uuid uuid = wire::idempotent_uuid(target.service_name, target.service_key,
                                                target.handler_name, target.idempotency_key);
  if (target.service_key) {
    return wire::InvocationId{.partition_key = wire::keyed_partition_key(*target.service_key),
                              .uuid = uuid};
  }
  return wire::InvocationId{
      .partition_key = wire::unkeyed_partition_key(target.service_name,
                                                   wire::idempotent_bucket(target.idempotency_key)),
      .uuid = uuid};
}

}  // namespace

std::optional<wire::InvocationId> target_of(const wire::AttachCommand& attach) {
  using Id = std::optional<wire::InvocationId>;
  return match(
      attach.target, [](const std::monostate&) -> Id { return std::nullopt; },
      [](const std::string& text) -> Id {
        const auto id = wire::InvocationId::from_text(text);
        return id ? Id(*id) : std::nullopt;
      },
      [](const wire::IdempotentRequestTarget& target) -> Id { return by_key(target); },
      [](const wire::WorkflowTarget& target) -> Id {
        return wire::InvocationId{
            .partition_key = wire::keyed_partition_key(target.workflow_key),
            .uuid = wire::workflow_uuid(target.workflow_name, target.workflow_key)};
      });
}

void attach(Context& context, Live& live, wire::MessageType type,
            const wire::AttachCommand& attach) {
  const bool only_if_ready = type == wire::MessageType::get_invocation_output_command;
  const auto notification = only_if_ready ? wire::MessageType::get_invocation_output_completion
                                          : wire::MessageType::attach_invocation_completion;
  const auto id = target_of(attach);
  if (!id) {
    return context.complete(live, notification, attach.result_completion_id, not_found());
  }
  context.send(*id, {.body = wire::Attach{.id = *id,
                                          .waiter = {.invocation = live.id,
                                                     .notification = notification,
                                                     .completion_id = attach.result_completion_id},
                                          .only_if_ready = only_if_ready}});
}

}  // namespace perdure::processor
