// engine/node/partitions.h
//
// Where a request finds its partition: here, or on the shard that has it.  The ingress,
// the admin API and the outboxes of other partitions all come through here, and cannot
// tell which it was.
//
//     key ─► partition ─► who leads it, by the plan ─┬─ this shard:  processor::Partition
//                                                    └─ another, of this node or of
//                                                       another one:  Rpc, and the same there
//
// The plan may be old, and who is asked may not lead yet, or any more: then the answer is
// retry_later or retry_elsewhere.  Nothing is retried here: who asks knows whether asking
// twice is harmless.
#pragma once

#include <map>
#include <memory>

#include "engine/admin/admin.h"
#include "engine/ingress/ingress.h"
#include "engine/io/peers.h"
#include "engine/node/cluster_state.h"
#include "engine/node/rpc.h"
#include "engine/processor/partition.h"

namespace perdure::node {

class Partitions final : public ingress::Partitions,
                         public admin::Partitions,
                         public processor::Outbound {
 public:
  Partitions(io::World&, Rpc&);

  // Before the first question: how many partitions there are, and who leads which.
  void begin(std::uint64_t partitions, const ClusterState& state);
  void add(std::shared_ptr<processor::Partition> here);
  // Whoever is inside of it stays there until he has his answer, and it lives as long.
  void remove(PartitionId here) { here_.erase(here); }
  void clear() { here_.clear(); }  // none is here any more: all are asked to try again
  void serve();                    // answers other shards

  // Held for as long as it is used: it may be taken away while its user parks.
  std::shared_ptr<processor::Partition> find(PartitionId);
  std::shared_ptr<processor::Partition> find_for(const wire::InvocationId&);
  PartitionId partition_of(std::uint64_t partition_key) const;

  // --- ingress ---
  Result<ingress::Admitted> submit(const ingress::Submission&, Instant deadline) override;
  Result<ingress::Answer> await(const wire::InvocationId&, Instant deadline) override;
  Result<ingress::Answer> output(const wire::InvocationId&, Instant deadline) override;
  // --- admin ---
  Result<admin::Look> look(const wire::InvocationId&, Instant deadline) override;
  Result<admin::Past> past(const wire::InvocationId&, Instant deadline) override;
  Result<admin::Submitted> submit(std::uint64_t partition_key, std::string_view record,
                                  Instant deadline) override;
  // --- other partitions' outboxes ---
  Result<void> deliver(PartitionId to, const std::string& record) override;

 private:
  Result<std::shared_ptr<processor::Partition>> here(PartitionId);
  Result<io::ShardAddress> leader_of(PartitionId) const;
  bool is_self(io::ShardAddress shard) const { return shard == world_.peers.self(); }
  Result<std::string> ask(io::ShardAddress, Verb, const std::string& question, Instant deadline);
  Result<ingress::Admitted> submit_here(PartitionId, const ingress::Submission&, Instant deadline);
  Result<ingress::Answer> await_here(const wire::InvocationId&, Instant deadline);
  Result<ingress::Answer> output_here(const wire::InvocationId&, Instant deadline);
  // That something is not there, or not yet, is said by a leader who knows that it leads.
  template <class Look>
  auto confirmed(processor::Partition& leader, Instant deadline, Look look) -> decltype(look());
  Result<admin::Look> look_here(const wire::InvocationId&);
  Result<admin::Past> past_here(const wire::InvocationId&, Instant deadline);
  std::chrono::milliseconds within(Instant deadline) const;
  Result<bool> is_fresh(processor::Partition&, const ingress::Submission&);

  io::World& world_;
  Rpc& rpc_;
  std::uint64_t partitions_ = 1;
  const ClusterState* state_ = nullptr;
  std::map<PartitionId, std::shared_ptr<processor::Partition>> here_;
};

}  // namespace perdure::node
