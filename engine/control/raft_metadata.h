// engine/control/raft_metadata.h
//
// One member of the group that holds the metadata: metadata_state.h replicated by
// engine/raft, kept in the shard's WAL.  Lives on shard 0.  A cluster of one is a group with
// one voter: the same code, an append and a sync a change, and nobody to wait for.
//
//     compare_and_set ─► propose ─► log ─► WAL ────► durable ─┐
//                                    └───► other members ─────┴► committed ─► decide ─► answer
//     get             ─► read round ─► a majority still takes us for the leader ─► answer
//     wait_newer      ─► what is applied here, on any member
//
// A proposal is decided where it stands in the log, by every member alike; so several are
// under way at once.  Whoever does not lead sends its callers' questions to the leader.
// When leadership goes while a proposal is under way, it is proposed again under the same id:
// if the first one made it after all, the second finds that it has happened.
//
// One fiber, the driver, pays what Raft owes, in Raft's order; everything else that happens
// is put into the Raft value at once and wakes the driver.
//
// In     the calls of Metadata; serve() for those of others; receive() for Raft's messages
// Out    the WAL; Members
// Not    what the objects mean; who should be a member
//
// Read   engine/raft/raft.h, raft_storage.h, metadata_client.h
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/control/metadata.h"
#include "engine/control/metadata_client.h"
#include "engine/control/metadata_state.h"
#include "engine/control/raft_storage.h"
#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"
#include "engine/raft/raft.h"
#include "engine/wal/wal.h"

namespace perdure::control {

struct RaftMetadataOptions {
  NodeId self;
  std::uint64_t group = 0;  // of the cluster: messages of another one are dropped
  // Of a new group, the same on each of its first members; of nobody: waits to be added.
  raft::Configuration first_members;
  raft::Options raft;  // self and seed are filled in
  MetadataLimits limits;
  std::size_t snapshot_after_bytes = 1 << 20;         // of entries, at least
  Duration serve_patience = std::chrono::seconds(5);  // with a question of somebody else
};

class RaftMetadata final : public Metadata, private wal::Listener {
 public:
  struct Needs {
    io::Fibers& fibers;
    io::Random& random;
    io::Trace& trace;
    wal::Wal& wal;
    Members& members;
  };

  // Parks: reads what is there.  Errors: corrupt, failed, cancelled, and the WAL's.  What it
  // needs is borrowed and outlives it.
  static Result<std::unique_ptr<RaftMetadata>> open(const Needs&, RaftMetadataOptions);
  ~RaftMetadata() override;
  void stop();  // before its end; parks

  Result<Versioned> get(std::string_view key, Instant deadline) override;
  Result<void> compare_and_set(Proposal, Instant deadline) override;
  Result<Versioned> wait_newer(std::string_view key, std::uint64_t seen, Instant deadline) override;
  // An operator's act on the group, through whoever leads it.  Errors: invalid, timed_out.
  Result<void> act(GroupAct, NodeId, Instant deadline);

  // From the network.  Neither may be called after stop().
  void receive(NodeId from, std::string_view message);
  Result<std::string> serve(std::string_view question);  // parks
  void lost(NodeId member);                              // the connection to it ended
  // Called when this member begins or ceases to lead; may not park.
  void on_role(std::function<void()> changed) { role_changed_ = std::move(changed); }

  const MetadataState& state() const { return state_; }  // applied here
  const raft::Raft& raft() const { return raft_; }
  bool leads() const { return raft_.role() == raft::Role::leader; }
  void check_invariants() const { raft_.check_invariants(); }

 private:
  struct Under {  // way: a proposal that waits for its turn to be applied
    Term term;
    std::optional<Result<void>> decided;  // retry_later: another entry stands there
  };
  // Asks ourselves without a wire.
  class Everybody final : public Members {
   public:
    explicit Everybody(RaftMetadata& here) : here_(here) {}
    void send(NodeId to, std::string message) override;
    Result<std::string> ask(NodeId to, std::string_view question, Instant deadline) override;

   private:
    RaftMetadata& here_;
  };

  RaftMetadata(const Needs&, RaftMetadataOptions, raft::Saved, RaftStorage);

  // --- as leader (raft_metadata.cpp); errors: also retry_elsewhere ---
  Result<Versioned> lead_get(std::string_view key, Instant deadline);
  Result<void> lead_swap(const Proposal&, Instant deadline);
  Result<Versioned> watch(std::string_view key, std::uint64_t seen, Instant deadline);
  Result<std::string> answer(const MetadataQuestion&, Instant deadline);
  Result<void> wait_applied(Index, Term, Instant deadline);

  // --- as leader, of the group (raft_group.cpp) ---
  Result<void> lead_act(const ActWords&, Instant deadline);
  Result<void> add(NodeId, Instant deadline);
  Result<void> remove(NodeId, Instant deadline);
  Result<void> transfer(NodeId, Instant deadline);
  Result<void> change(raft::Configuration, Instant deadline);

  // --- the driver (raft_driver.cpp) ---
  void drive();
  void touch();  // time passed, something came: the driver looks
  Result<void> pay(raft::Effects&);
  Result<void> write(raft::Effects&);
  template <class Put>
  Result<wal::Position> with_patience(Put);
  Result<void> apply(const raft::Entry&);
  void settle_up_to(Index, const char* why);
  void compact_if_due();
  void tell_size();
  void tell_role();
  void tell_promises(const std::vector<raft::Envelope>&);
  void tell_entries(const char* event, Term after, const std::vector<raft::Entry>&);
  void note_durable();
  void durable(LogletId, Offset) override { note_durable(); }
  void failed(const Error& why) override;

  const Needs needs_;
  const RaftMetadataOptions options_;
  RaftStorage storage_;
  raft::Raft raft_;
  MetadataState state_;
  Index applied_;  // the last entry in state_
  Everybody everybody_;
  MetadataClient client_;

  io::Event work_;     // for the driver
  io::Event changed_;  // applied, confirmed, another leader, failed
  std::optional<Error> failure_;

  struct Written {
    raft::WriteNumber number;
    wal::Position at;
  };
  std::deque<Written> written_;  // and not known durable
  struct Compaction {
    raft::Snapshot snapshot;
    std::optional<wal::Position> at;  // none: not all of it is written yet
  };
  std::optional<Compaction> compacting_;
  wal::Position ballot_at_;  // of the last ballot; nothing leaves before it is durable
  bool ballot_written_ = false;
  std::size_t bytes_since_snapshot_ = 0;
  bool told_large_ = false;

  std::map<Index, Under> under_way_;
  std::map<raft::ReadId, std::optional<Index>> reads_;  // confirmed from there
  std::uint64_t next_read_ = 1;
  std::function<void()> role_changed_;
  raft::Role told_role_ = raft::Role::follower;
  Term told_term_;
  io::Group group_;
};

}  // namespace perdure::control
