// engine/raft/state.h: what is behind raft.h, for the .cpp files of this room only.
//
//     raft.cpp          what comes in, what goes out, what is durable
//     elections.cpp     timers, votes, terms (§5.2, T9.6, T4.2.3)
//     replication.cpp   appending, agreeing, committing, reading (§5.3, §5.4, T6.4)
//     membership.cpp    changes, transfer, snapshots (T4, T3.10, §7)
#pragma once

#include <deque>
#include <map>
#include <set>

#include "engine/raft/log.h"
#include "engine/raft/raft.h"

namespace perdure::raft {

// A leader's view of another member.
//
//     match <= what it holds        next - 1 >= match
//     probe      one message, then wait for what it says: we do not know where it stands
//     pipeline   send as the window allows, `next` runs ahead of `match`
//     snapshot   what it lacks is gone from the log: part after part, one at a time
struct Peer {
  enum class Mode { probe, pipeline, snapshot };
  struct Sent {
    Index last;
    std::uint64_t bytes;
  };

  Index match;
  Index next;
  Mode mode = Mode::probe;
  bool waits = false;          // probe, snapshot: something is on its way
  bool owed = false;           // a message, even an empty one: heartbeat or read round
  std::deque<Sent> in_flight;  // pipeline
  std::uint64_t in_flight_bytes = 0;
  Index commit_told;
  std::uint64_t round = 0;  // the latest it answered
  Instant heard_at;
  Index snapshot_last;
  std::uint64_t snapshot_at = 0;  // bytes it has
};

struct Raft::State {
  State(const Options& of_host, Saved saved);

  // --- raft.cpp ---
  void step(const Envelope&);
  void durable(WriteNumber upto);
  Effects take_effects();
  void send(NodeId to, decltype(Envelope::message) message);
  void cut_from(Index);
  void check_invariants() const;
  std::unexpected<Error> not_leader() const;

  // --- elections.cpp ---
  void tick(Instant);
  void ask_before_campaign();
  void campaign(bool appointed);
  void request_votes(bool pre, bool appointed);
  void lead();
  void follow(Term, std::optional<NodeId> leader);
  void lead_on();
  bool is_protected() const;
  bool is_quorum(const std::set<NodeId>&) const;
  bool is_sole_voter() const;
  bool hears_a_quorum() const;
  void put_off_election();
  void lost(NodeId);
  void on(const Envelope&, const VoteRequest&);
  void on(const Envelope&, const VoteReply&);

  // --- replication.cpp ---
  void on(const Envelope&, const Append&);
  void on(const Envelope&, const AppendReply&);
  bool hear_leader(NodeId from);
  bool makes_sense(const Envelope&, const Append&) const;
  bool take_in(const Append&);  // false: it would overwrite what is committed
  void refuse(const Envelope&, Index previous);
  void agree();
  void fall_back(Peer&, const AppendReply&);
  void go_on(Peer&, const AppendReply&);
  void append_own(EntryKind, std::string bytes);
  void advance_commit();
  void commit_to(Index);
  void replicate();
  void send_to(NodeId, Peer&);
  void send_append(NodeId, Peer&, Index last);
  bool window_is_open(const Peer&) const;
  bool settled_reads_wait() const;
  void confirm_reads(std::vector<Read>&);

  // --- membership.cpp ---
  Result<Index> change(Configuration);
  Result<void> transfer(NodeId);
  void meet_peers();  // peers are who the configuration in force names
  void retire();
  void give_way_if_ready();
  void on(const Envelope&, const LeadNow&);
  void begin_snapshot(Peer&);
  void send_part(NodeId, Peer&);
  void on(const Envelope&, const SnapshotPart&);
  void on(const Envelope&, const SnapshotReply&);
  void install(Snapshot);
  void compact(Snapshot);
  bool may_compact() const;

  const Options options;
  Ballot ballot, ballot_saved;
  Log log;
  std::optional<Snapshot> snapshot;
  Role role = Role::follower;
  std::optional<NodeId> leader;
  Instant now{}, election_at{};
  bool ticked = false;
  std::uint64_t draws = 0;
  std::uint64_t nonsense = 0;

  Index commit, applied;

  // The disk.
  struct Write {
    WriteNumber number;
    Index last;  // of the log that it leaves on disk, as far as that still stands
  };
  Index handed;   // last entry given to the host to be written
  Index on_disk;  // durable
  WriteNumber last_write;
  std::deque<Write> writes;
  std::optional<Snapshot> to_install;

  // As follower, in this term.
  Instant heard_at{};
  Index matched;                  // our log is the leader's up to here
  std::uint64_t round_heard = 0;  // echoed with every answer
  std::optional<SnapshotPart> incoming;

  // As candidate.
  std::set<NodeId> votes;

  // As leader, in this term.
  struct Asked {
    std::uint64_t round;
    Index index;
    std::vector<ReadId> reads;
  };
  std::map<NodeId, Peer> peers;
  Instant heartbeat_at{};
  Index first_own;  // the entry that begins the term
  std::uint64_t uncommitted_bytes = 0;
  std::uint64_t round = 0;
  std::vector<ReadId> unasked;
  std::deque<Asked> asked;
  std::size_t reads_waiting = 0;
  struct Transfer {
    NodeId to;
    Instant until;
    bool told = false;
  };
  std::optional<Transfer> giving_way;

  std::vector<Envelope> outbox;
};

}  // namespace perdure::raft
