// engine/node/replica.h
//
// One partition on this shard, and its journey: it follows or leads, as the plan says.
//
//                    plan: not ours          plan: somebody else leads
//     (nothing) ◄────────────────── made ───────────────────────────► follows
//                                    │ ▲                                 │
//                    plan: we lead   │ │  the log ended, or the plan     │ plan: we lead
//                                    ▼ │  says that somebody else leads  │
//                                   leads ◄──────────────────────────────┘
//
//     to lead       mint an epoch (compare-and-set), open the log: seal, find the tail, extend,
//                   replay, announce; anew when more features are in use than it announced
//     to follow     read what others write, apply it; with tables that begin after the trim
//                   point fetch a snapshot first (snapshot_fetch.h)
//     the log       opened anew when its nodes cannot be written to, or when better ones are
//                   there for a while; copies that were lost with a disk are made again
//     broken        made anew from what is on disk
//
// Two nodes may think that they lead: whoever extends the chain last is right, and the other
// learns it from its log, which ends.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "engine/io/fibers.h"
#include "engine/io/tables.h"
#include "engine/log/log.h"
#include "engine/log/nodeset.h"
#include "engine/processor/partition.h"
#include "engine/tables/snapshots.h"
#include "engine/tables/store.h"

namespace perdure::node {

struct ReplicaNeeds;  // replicas.h

class Replica {
 public:
  Replica(const ReplicaNeeds& needs, PartitionId id);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  void start();
  void rest();  // parks: follows and leads no more; what it stands on stays
  void stop();  // parks: and that goes too
  void look();  // the plan, the nodes or who is alive changed
  // Parks until it leads or follows, or could not.  Error: why, of the last try.
  Result<void> wait_settled(Instant deadline);

  PartitionId id() const { return id_; }
  // Absent while it is being made.
  const processor::Partition* partition() const { return partition_; }
  // While it leads; kept by who parks meanwhile.
  std::shared_ptr<log::Log> log() const { return standing_ ? standing_->log : nullptr; }
  const tables::Snapshots* snapshots() const { return standing_ ? &standing_->snapshots : nullptr; }
  // What the tables here no longer need, as far as another node's do neither.  Parks.
  // Nothing happens while it does not lead.
  Result<void> trim(Lsn last);
  void check_invariants() const;

 private:
  void live();
  bool is_to_lead() const;
  bool is_to_be() const;
  Result<void> make();
  void unmake();  // parks until nobody is inside any more
  Result<void> lead();
  Result<void> lead_while_planned();
  log::NodesetFitness fitness_of_log() const;
  std::set<NodeId> lost_copies() const;
  Result<void> restore_copies();
  Result<void> follow();
  Result<Epoch> mint_epoch();
  Result<void> open_log();
  Result<std::unique_ptr<io::Family>> open_family(tables::Snapshots& snapshots);
  Result<void> restore_if_there_is_one(tables::Snapshots& snapshots);
  Result<void> read_and_apply();
  Result<void> take_snapshot_of_others();
  Lsn laid_down_elsewhere();
  void settled(const Result<void>& how);

  const ReplicaNeeds& needs_;
  const PartitionId id_;
  // A partition and what it stands on: as long as anybody is inside of it.
  struct Standing {
    tables::Snapshots snapshots;
    std::unique_ptr<io::Family> family;
    std::unique_ptr<tables::Store> store;
    std::shared_ptr<log::Log> log;  // while it leads; outlives the partition, which looks into it
    std::unique_ptr<processor::Partition> partition;
  };
  std::shared_ptr<Standing> standing_;         // absent while it is being made
  processor::Partition* partition_ = nullptr;  // of it
  std::set<NodeId> copies_restored_;           // of what was lost with the disks of these
  std::optional<Result<void>> settled_;
  io::Event changed_;
  io::Event settled_event_;
  io::Group group_;
};

}  // namespace perdure::node
