// engine/node/partitions.h
//
// Where a request finds its partition: here, or on the shard that has it.  The ingress,
// the admin API and the outboxes of other partitions all come through here, and cannot
// tell which it was.
//
//     key ─► partition ─► shard ─┬─ this one:  processor::Partition, directly
//                                └─ another:   Rpc, and the same there
//
// Nothing is retried here: who asks knows whether asking twice is harmless.
#pragma once

#include <map>

#include "engine/admin/admin.h"
#include "engine/ingress/ingress.h"
#include "engine/node/layout.h"
#include "engine/node/rpc.h"
#include "engine/processor/partition.h"

namespace perdure::node {

class Partitions final : public ingress::Partitions,
                         public admin::Partitions,
                         public processor::Outbound {
 public:
  Partitions(io::World&, Rpc&);

  // Before the first question: where everything is, and what of it is here.
  void layout(const Layout& layout) { layout_ = layout; }
  void add(processor::Partition& here);
  void clear() { here_.clear(); }  // none is here any more: all are asked to try again
  void serve();                    // answers other shards

  processor::Partition* find(PartitionId);
  processor::Partition* find_for(const wire::InvocationId&);
  PartitionId partition_of(std::uint64_t partition_key) const;

  // --- ingress ---
  Result<ingress::Admitted> submit(const ingress::Submission&, Instant deadline) override;
  Result<ingress::Answer> await(const wire::InvocationId&, Instant deadline) override;
  Result<ingress::Answer> output(const wire::InvocationId&, Instant deadline) override;
  // --- admin ---
  Result<admin::Look> look(const wire::InvocationId&, Instant deadline) override;
  Result<admin::Submitted> submit(std::uint64_t partition_key, std::string_view record,
                                  Instant deadline) override;
  // --- other partitions' outboxes ---
  Result<void> deliver(PartitionId to, const std::string& record) override;

 private:
  Result<processor::Partition*> here(PartitionId);
  bool is_here(PartitionId p) const;
  Result<std::string> ask(PartitionId, Verb, const std::string& question, Instant deadline);
  Result<ingress::Admitted> submit_here(PartitionId, const ingress::Submission&, Instant deadline);
  std::chrono::milliseconds within(Instant deadline) const;
  Result<bool> is_fresh(processor::Partition&, const ingress::Submission&);

  io::World& world_;
  Rpc& rpc_;
  Layout layout_;
  std::map<PartitionId, processor::Partition*> here_;
};

}  // namespace perdure::node
