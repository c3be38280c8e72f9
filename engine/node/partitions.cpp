#include "engine/node/partitions.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/peers.h"

namespace perdure::node {
namespace {

using ingress::Admitted;
using ingress::Answer;
using ingress::Submission;
using ingress::Wait;

// What another shard is given beyond the asker's own deadline to say that it was missed.
constexpr Duration grace = std::chrono::seconds(1);
// Who waits longer asks again.
constexpr Duration longest_question = std::chrono::hours(1);
constexpr Duration deliver_within = std::chrono::seconds(30);
constexpr Duration confirm_within = std::chrono::seconds(5);

struct SubmitQuestion {
  PartitionId partition;
  std::string record;
  Wait wait = Wait::applied;
  std::optional<wire::InvocationId> invocation;
  std::chrono::milliseconds within{0};
  static constexpr auto fields =
      std::tuple(wire::field(1, "partition", &SubmitQuestion::partition),
                 wire::field(2, "record", &SubmitQuestion::record),
                 wire::field(3, "wait", &SubmitQuestion::wait),
                 wire::field(4, "invocation", &SubmitQuestion::invocation),
                 wire::field(5, "within", &SubmitQuestion::within));
};
struct InvocationQuestion {
  wire::InvocationId id;
  std::chrono::milliseconds within{0};
  static constexpr auto fields = std::tuple(wire::field(1, "id", &InvocationQuestion::id),
                                            wire::field(2, "within", &InvocationQuestion::within));
};
struct AnswerMessage {
  wire::Outcome outcome;
  std::optional<WallTime> expires;
  std::string service, handler;
  static constexpr auto fields = std::tuple(wire::one_of("outcome", &AnswerMessage::outcome, 1, 2),
                                            wire::field(3, "expires", &AnswerMessage::expires),
                                            wire::field(4, "service", &AnswerMessage::service),
                                            wire::field(5, "handler", &AnswerMessage::handler));
};
struct AdmittedMessage {
  bool fresh = false;
  std::optional<AnswerMessage> answer;
  std::optional<WallTime> refused_at;
  static constexpr auto fields =
      std::tuple(wire::field(1, "fresh", &AdmittedMessage::fresh),
                 wire::field(2, "answer", &AdmittedMessage::answer),
                 wire::field(3, "refused_at", &AdmittedMessage::refused_at));
};
struct LookMessage {
  admin::Stage stage = admin::Stage::running;
  std::optional<wire::DeploymentId> pinned;
  std::uint32_t protocol_version = 0;
  std::string service;
  static constexpr auto fields = std::tuple(
      wire::field(1, "stage", &LookMessage::stage), wire::field(2, "pinned", &LookMessage::pinned),
      wire::field(3, "protocol_version", &LookMessage::protocol_version),
      wire::field(4, "service", &LookMessage::service));
};

AnswerMessage to_message(Answer answer) {
  return {.outcome = std::move(answer.outcome),
          .expires = answer.expires,
          .service = std::move(answer.service),
          .handler = std::move(answer.handler)};
}
Answer from_message(AnswerMessage message) {
  return {.outcome = std::move(message.outcome),
          .expires = message.expires,
          .service = std::move(message.service),
          .handler = std::move(message.handler)};
}

Answer answer_of(processor::InvocationStatus status) {
  return {.outcome = std::move(status.outcome),
          .expires = status.kept_until,
          .service = std::move(status.service),
          .handler = std::move(status.handler)};
}

Error not_found() { return {Code::not_found, "no such invocation"}; }

Result<admin::Look> look_of(const processor::InvocationStatus& status) {
  using processor::State;
  const auto found = [&](admin::Stage stage) {
    return admin::Look{.stage = stage,
                       .pinned = status.deployment,
                       .protocol_version = status.protocol_version,
                       .service = status.service};
  };
  switch (status.state) {
    case State::absent: return std::unexpected(not_found());
    case State::scheduled: return found(admin::Stage::scheduled);
    case State::queued: return found(admin::Stage::inboxed);
    case State::running: return found(admin::Stage::running);
    case State::suspended: return found(admin::Stage::suspended);
    case State::paused: return found(admin::Stage::paused);
    case State::completed: return found(admin::Stage::completed);
  }
  UNREACHABLE();
}

Result<Answer> output_of(Result<processor::InvocationStatus> status) {
  if (!status) return std::unexpected(status.error());
  if (status->state == processor::State::absent) return std::unexpected(not_found());
  if (status->state != processor::State::completed) {
    return fail(Code::conflict, "invocation has not ended");
  }
  return answer_of(std::move(*status));
}

}  // namespace

Partitions::Partitions(io::World& world, Rpc& rpc) : world_(world), rpc_(rpc) {}

void Partitions::begin(std::uint64_t partitions, const ClusterState& state) {
  partitions_ = partitions;
  state_ = &state;
}

void Partitions::add(std::shared_ptr<processor::Partition> here) {
  const PartitionId partition = here->owner().partition;
  here_[partition] = std::move(here);
}

std::shared_ptr<processor::Partition> Partitions::find(PartitionId partition) {
  const auto found = here_.find(partition);
  return found == here_.end() ? nullptr : found->second;
}

std::shared_ptr<processor::Partition> Partitions::find_for(const wire::InvocationId& id) {
  return find(partition_of(id.partition_key));
}

PartitionId Partitions::partition_of(std::uint64_t partition_key) const {
  return wire::partition_of(partition_key, partitions_);
}

Result<io::ShardAddress> Partitions::leader_of(PartitionId partition) const {
  const auto leader = state_ == nullptr ? std::nullopt : state_->leader_of(partition);
  if (!leader) {
    return fail(Code::retry_later,
                "nobody leads partition " + std::to_string(partition.raw()) + " now");
  }
  return *leader;
}

Result<std::shared_ptr<processor::Partition>> Partitions::here(PartitionId partition) {
  std::shared_ptr<processor::Partition> found = find(partition);
  if (!found) {
    return fail(Code::retry_later,
                "partition " + std::to_string(partition.raw()) + " is not open here");
  }
  return found;
}

// --- ingress -----------------------------------------------------------------------------

Result<Admitted> Partitions::submit(const Submission& submission, Instant deadline) {
  const PartitionId partition = partition_of(submission.partition_key);
  TRY(leader, leader_of(partition));
  if (is_self(leader)) return submit_here(partition, submission, deadline);

  TRY(bytes, ask(leader, Verb::submit,
                 wire::encode(SubmitQuestion{.partition = partition,
                                             .record = submission.record,
                                             .wait = submission.wait,
                                             .invocation = submission.invocation,
                                             .within = within(deadline)}),
                 deadline));
  TRY(message, wire::decode<AdmittedMessage>(bytes));
  Admitted admitted{.fresh = message.fresh, .answer = {}, .refused_at = message.refused_at};
  if (message.answer) admitted.answer = from_message(std::move(*message.answer));
  return admitted;
}

Result<Admitted> Partitions::submit_here(PartitionId id, const Submission& submission,
                                         Instant deadline) {
  TRY(partition, here(id));
  TRY(submitted, partition->submit(submission.record, deadline));
  Admitted admitted{.fresh = submitted.began, .answer = {}, .refused_at = submitted.refused_at};
  if (admitted.refused_at) return admitted;
  if (!submission.invocation) return admitted;  // nothing begins, so nothing is fresh or not
  if (!admitted.fresh) {
    TRY(fresh, is_fresh(*partition, submission));
    admitted.fresh = fresh;
  }
  const bool wait = submission.wait == Wait::answered ||
                    (submission.wait == Wait::answered_if_fresh && admitted.fresh);
  if (!wait) return admitted;
  Result<processor::InvocationStatus> ended =
      partition->await_completion(*submission.invocation, deadline);
  if (ended) {
    admitted.answer = answer_of(std::move(*ended));
  } else if (ended.error().code == Code::cancelled) {
    return std::unexpected(ended.error());
  }  // else: it took effect, and its end is asked for by await()
  return admitted;
}

// An earlier submission of the same bytes may have begun it: the seed they share tells.
Result<bool> Partitions::is_fresh(processor::Partition& partition, const Submission& submission) {
  TRY(record, wire::decode<wire::Record>(submission.record));
  TRY(status, partition.status(*submission.invocation));
  return std::ranges::any_of(record.commands, [&](const wire::Command& command) {
    const auto* invoke = std::get_if<wire::Invoke>(&command.body);
    return invoke && invoke->id == *submission.invocation && invoke->random_seed != 0 &&
           invoke->random_seed == status.random_seed;
  });
}

Result<Answer> Partitions::await(const wire::InvocationId& id, Instant deadline) {
  const PartitionId partition = partition_of(id.partition_key);
  TRY(leader, leader_of(partition));
  if (is_self(leader)) return await_here(id, deadline);
  TRY(bytes, ask(leader, Verb::await,
                 wire::encode(InvocationQuestion{.id = id, .within = within(deadline)}), deadline));
  TRY(message, wire::decode<AnswerMessage>(bytes));
  return from_message(std::move(message));
}

Result<Answer> Partitions::output(const wire::InvocationId& id, Instant deadline) {
  const PartitionId partition = partition_of(id.partition_key);
  TRY(leader, leader_of(partition));
  if (is_self(leader)) return output_here(id, deadline);
  TRY(bytes, ask(leader, Verb::output, wire::encode(InvocationQuestion{.id = id}), deadline));
  TRY(message, wire::decode<AnswerMessage>(bytes));
  return from_message(std::move(message));
}

template <class Look>
auto Partitions::confirmed(processor::Partition& leader, Instant deadline, Look look)
    -> decltype(look()) {
  auto first = look();
  const bool is_no =
      !first && (first.error().code == Code::not_found || first.error().code == Code::conflict);
  if (!is_no || state_->is_alone()) return first;
  TRY_VOID(leader.confirm(std::min(deadline, world_.clock.steady() + confirm_within)));
  return look();
}

Result<Answer> Partitions::await_here(const wire::InvocationId& id, Instant deadline) {
  TRY(found, here(partition_of(id.partition_key)));
  TRY(ended, confirmed(*found, deadline,
                       [&, leader = found] { return leader->await_completion(id, deadline); }));
  return answer_of(std::move(ended));
}

Result<Answer> Partitions::output_here(const wire::InvocationId& id, Instant deadline) {
  TRY(found, here(partition_of(id.partition_key)));
  return confirmed(*found, deadline, [&, leader = found] { return output_of(leader->status(id)); });
}

// Operators ask rarely, and any stage of its life may mean yes or no to them.
Result<admin::Look> Partitions::look_here(const wire::InvocationId& id) {
  TRY(found, here(partition_of(id.partition_key)));
  if (!state_->is_alone()) {
    TRY_VOID(found->confirm(world_.clock.steady() + confirm_within));
  }
  TRY(status, found->status(id));
  return look_of(status);
}

Result<admin::Past> Partitions::past_here(const wire::InvocationId& id, Instant deadline) {
  TRY(found, here(partition_of(id.partition_key)));
  TRY(past, confirmed(*found, deadline, [&, leader = found] { return leader->past(id); }));
  return admin::Past{.target = std::move(past.target),
                     .retention = past.retention,
                     .pinned = past.deployment,
                     .protocol_version = past.protocol_version,
                     .random_seed = past.random_seed,
                     .traceparent = std::move(past.traceparent),
                     .journal = std::move(past.frames)};
}

// --- admin ---------------------------------------------------------------------------------

Result<admin::Look> Partitions::look(const wire::InvocationId& id, Instant deadline) {
  const PartitionId partition = partition_of(id.partition_key);
  TRY(leader, leader_of(partition));
  if (is_self(leader)) return look_here(id);
  TRY(bytes, ask(leader, Verb::look, wire::encode(InvocationQuestion{.id = id}), deadline));
  TRY(message, wire::decode<LookMessage>(bytes));
  return admin::Look{.stage = message.stage,
                     .pinned = message.pinned,
                     .protocol_version = message.protocol_version,
                     .service = std::move(message.service)};
}

Result<admin::Past> Partitions::past(const wire::InvocationId& id, Instant deadline) {
  const PartitionId partition = partition_of(id.partition_key);
  TRY(leader, leader_of(partition));
  if (is_self(leader)) return past_here(id, deadline);
  TRY(bytes, ask(leader, Verb::past,
                 wire::encode(InvocationQuestion{.id = id, .within = within(deadline)}), deadline));
  return wire::decode<admin::Past>(bytes);
}

Result<admin::Submitted> Partitions::submit(std::uint64_t partition_key, std::string_view record,
                                            Instant deadline) {
  TRY(admitted,
      submit(Submission{.partition_key = partition_key, .record = std::string(record)}, deadline));
  return admin::Submitted{.refused_at = admitted.refused_at};
}

// --- outboxes --------------------------------------------------------------------------------

Result<void> Partitions::deliver(PartitionId to, const std::string& record) {
  TRY(submitted, submit(wire::partition_start(to, partitions_), record,
                        world_.clock.steady() + deliver_within));
  // Outboxes go by marks, not by ids of requests.
  if (submitted.refused_at) return fail(Code::invalid, "an outbox was taken for a request");
  return {};
}

// --- other shards ----------------------------------------------------------------------------

std::chrono::milliseconds Partitions::within(Instant deadline) const {
  return std::chrono::ceil<std::chrono::milliseconds>(
      std::min(deadline - world_.clock.steady(), longest_question));
}

Result<std::string> Partitions::ask(io::ShardAddress leader, Verb verb, const std::string& question,
                                    Instant deadline) {
  return rpc_.ask(leader, verb, question, deadline == io::never ? deadline : deadline + grace);
}

void Partitions::serve() {
  const auto deadline_of = [this](std::chrono::milliseconds within) {
    return world_.clock.steady() + within;
  };
  rpc_.serve(Verb::submit, [=, this](std::string_view bytes) -> Result<std::string> {
    TRY(question, wire::decode<SubmitQuestion>(bytes));
    TRY(admitted, submit_here(question.partition,
                              Submission{.record = std::move(question.record),
                                         .wait = question.wait,
                                         .invocation = question.invocation},
                              deadline_of(question.within)));
    AdmittedMessage message{
        .fresh = admitted.fresh, .answer = {}, .refused_at = admitted.refused_at};
    if (admitted.answer) message.answer = to_message(std::move(*admitted.answer));
    return wire::encode(message);
  });
  rpc_.serve(Verb::await, [=, this](std::string_view bytes) -> Result<std::string> {
    TRY(question, wire::decode<InvocationQuestion>(bytes));
    TRY(answer, await_here(question.id, deadline_of(question.within)));
    return wire::encode(to_message(std::move(answer)));
  });
  rpc_.serve(Verb::output, [this](std::string_view bytes) -> Result<std::string> {
    TRY(question, wire::decode<InvocationQuestion>(bytes));
    TRY(answer, output_here(question.id, io::never));
    return wire::encode(to_message(std::move(answer)));
  });
  rpc_.serve(Verb::look, [this](std::string_view bytes) -> Result<std::string> {
    TRY(question, wire::decode<InvocationQuestion>(bytes));
    TRY(found, look_here(question.id));
    return wire::encode(LookMessage{.stage = found.stage,
                                    .pinned = found.pinned,
                                    .protocol_version = found.protocol_version,
                                    .service = std::move(found.service)});
  });
  rpc_.serve(Verb::past, [=, this](std::string_view bytes) -> Result<std::string> {
    TRY(question, wire::decode<InvocationQuestion>(bytes));
    TRY(found, past_here(question.id, deadline_of(question.within)));
    return wire::encode(found);
  });
}

}  // namespace perdure::node
