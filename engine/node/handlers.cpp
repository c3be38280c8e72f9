#include "engine/node/handlers.h"

namespace perdure::node {
namespace {

std::unexpected<Error> not_here() {
  return fail(Code::fenced, "partition is not led from this shard");
}

}  // namespace

Result<invoker::Replay> PartitionJournal::read(const wire::InvocationId& id,
                                               std::uint64_t state_bytes_max) {
  const std::shared_ptr<processor::Partition> partition = partitions_.find_for(id);
  if (!partition) return not_here();
  TRY(found, partition->replay(id, state_bytes_max));
  return invoker::Replay{.target = std::move(found.target),
                         .frames = std::move(found.frames),
                         .entries = found.entries,
                         .state = std::move(found.state),
                         .state_is_partial = found.state_is_partial,
                         .deployment = found.deployment,
                         .protocol_version = found.protocol_version,
                         .random_seed = found.random_seed,
                         .idempotency_key = std::move(found.idempotency_key),
                         .traceparent = std::move(found.traceparent)};
}

Result<void> PartitionJournal::propose(const wire::InvocationId& id,
                                       std::vector<wire::Command>&& commands) {
  const std::shared_ptr<processor::Partition> partition = partitions_.find_for(id);
  if (!partition) return not_here();
  TRY(lsn, partition->propose(id, std::move(commands)));
  (void)lsn;
  return {};
}

}  // namespace perdure::node
