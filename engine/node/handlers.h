// engine/node/handlers.h
//
// Between the processor and the invoker, who do not know each other: what the tables want
// becomes attempts, what attempts propose becomes records.
#pragma once

#include "engine/invoker/invoker.h"
#include "engine/node/checkpointer.h"
#include "engine/node/partitions.h"
#include "engine/processor/needs.h"

namespace perdure::node {

// The processor's Handlers.
class InvokerHandlers final : public processor::Handlers {
 public:
  InvokerHandlers(invoker::Invoker& invoker, Checkpointer& checkpointer)
      : invoker_(invoker), checkpointer_(checkpointer) {}

  void start(PartitionId partition, const wire::InvocationId& id) override {
    invoker_.start(partition, id);
    checkpointer_.look();
  }
  void stored(const wire::InvocationId& id, std::uint32_t first, std::string_view frames) override {
    invoker_.stored(id, first, frames);
    checkpointer_.look();
  }
  void stop(const wire::InvocationId& id) override {
    invoker_.stop(id);
    checkpointer_.look();
  }
  void applied(const wire::InvocationId& id) override { invoker_.applied(id); }
  void drop_partition(PartitionId partition) override { invoker_.drop_partition(partition); }

 private:
  invoker::Invoker& invoker_;
  Checkpointer& checkpointer_;
};

// The invoker's Journal.
class PartitionJournal final : public invoker::Journal {
 public:
  explicit PartitionJournal(Partitions& partitions) : partitions_(partitions) {}

  Result<invoker::Replay> read(const wire::InvocationId&, std::uint64_t state_bytes_max) override;
  Result<void> propose(const wire::InvocationId&, std::vector<wire::Command>&&) override;

 private:
  Partitions& partitions_;
};

}  // namespace perdure::node
