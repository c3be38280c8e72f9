// engine/raft/raft.h
//
// One member of one Raft group, as a value: messages and time go in, effects come out,
// and nothing here blocks, draws, or knows what a socket is.  The metadata of the whole
// cluster is one such group (engine/control).
//
//                     time is up              enough would            enough do
//      follower ──────────────► pre-candidate ─────────► candidate ─────────► leader
//         ▲    ◄── sees a leader ────┘                        │                  │
//         └──────── sees a higher term; too few answer ───────┴──────────────────┘
//
//      log    ... base │ snapshot │  applied  │ committed, not applied │ not committed │
//                                                     commit ─┘                  last ─┘
//
//      one leader a term               whoever votes has its ballot on disk first (§5.2)
//      applied <= commit <= last       on one member
//      commit(leader)                  on the disks of a majority, and of the leader's
//                                      own term: older ones only along with it (§5.4.2)
//      durable <= last                 a member says "I hold it" of what is durable only
//
// Paper: Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014.
// "§5.4" is a section of it; "T3.10" of Ongaro's thesis.  We add: pre-vote (T9.6), check of
// the quorum and a leader's lease against disturbers (T4.2.3, T6.2), reads without writing
// (T6.4), transfer (T3.10), a leader that writes its disk while the others write theirs
// (T10.2.1).  Membership changes one server at a time (T4.1), with the correction that a
// leader first commits something of its own term; never by joint consensus.
//
// What surprises: durable() is counted by writes, not by index: an entry may be cut off
// and come back, and a write that became durable says nothing of a later one to the same
// place.  And what is cut off here stays on disk until something is written over it; whoever
// reads it back must tell (engine/control/raft_storage.h).
//
// Life: made from what was saved, one for each member and incarnation.  A member whose disk
// was wiped is another member: it needs another name.
//
// Read next: raft.cpp (in and out), elections.cpp, replication.cpp, membership.cpp
// Tests:     tests/engine/raft/raft/*.txt; figure_7.txt is a good first one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/raft/message.h"

namespace perdure::raft {

using WriteNumber = Number<struct WriteTag, Shape::counter>;  // a member's writes to its log
using ReadId = Number<struct ReadTag, Shape::name>;           // the host's

struct Options {
  NodeId self;
  std::uint64_t seed = 0;  // of all that is left to chance: drawn by the host, once a life
  Duration election_timeout = std::chrono::milliseconds(1000);  // to twice that, by chance
  Duration heartbeat_every = std::chrono::milliseconds(200);
  std::uint64_t batch_bytes = 256 << 10;           // of entries, one message
  std::uint64_t window_bytes = 4 << 20;            // sent to one member and not answered
  std::uint32_t window_messages = 64;              // the same
  std::uint64_t uncommitted_bytes_max = 16 << 20;  // then propose() says retry_later
  std::uint64_t log_bytes_max = 96 << 20;          // in memory; the same
  std::uint64_t entries_kept = 1024;               // behind a snapshot, for who lags a little
  std::uint64_t snapshot_part_bytes = 256 << 10;
  std::uint64_t snapshot_bytes_max = 256 << 20;  // taken from a leader
  std::uint32_t reads_max = 4096;                // waiting
};

// What a member has kept.  A new group's members begin with the same snapshot of index 0,
// which names the voters; who joins later begins with none, and waits to be spoken to.
struct Saved {
  Ballot ballot;
  std::optional<Snapshot> snapshot;
  std::vector<Entry> entries;  // behind the snapshot, without a hole
};
// Error: corrupt.  What is not corrupt may be given to Raft.
Result<void> check(const Saved&);

struct Read {
  ReadId id;
  Index index;  // answer from a state that has applied this much
};

// What the host owes us, in the order it must pay.  Handing out the next Effects before
// paying this one's `save` is how a member votes twice in a term (§5.2).
struct Effects {
  std::optional<Ballot> save;        // 1. make durable before anything below leaves
  std::optional<Snapshot> install;   // 2. start writing: instead of log and state machine
  std::vector<Entry> append;         //    then these; from the first's index on they replace
  Term append_after;                 //    (the term of the entry before the first of them)
  std::optional<WriteNumber> write;  //   report with durable(), when it was one or both
  std::vector<Envelope> send;        // 3. may be lost, doubled, reordered; not altered
  std::vector<Entry> apply;          // 4. committed: never handed out twice, never revoked
  std::vector<Read> reads;           //    confirmed
  Instant wake;                      // 5. call tick() no later than this
};

enum class Role { follower, pre_candidate, candidate, leader };
std::string_view name_of(Role);

class Raft {
 public:
  Raft(const Options&, Saved);  // CHECKs check(Saved)
  Raft(Raft&&) noexcept;
  Raft& operator=(Raft&&) noexcept;
  ~Raft();

  void tick(Instant now);          // time passed: before anything else of a turn
  void step(const Envelope&);      // a member spoke, or a stranger
  void durable(WriteNumber upto);  // the disk caught up
  // The connection to that member ended.  If it leads, nobody is protected from an election
  // for its sake any longer, and ours is due soon.  May be wrong: who hears it still refuses.
  void lost(NodeId);
  Effects take_effects();  // empty when there is nothing to do

  // Errors: retry_elsewhere (not the leader), retry_later (too much in flight, or leadership
  // is being given away).  Committed once it is handed out in `apply` with the term it got.
  Result<Index> propose(std::string command);
  // Comes back in Effects::reads, unless leadership is lost first.  The same errors.
  Result<void> read(ReadId);
  // One voter comes or goes; learners as many as you like.  Errors: also invalid, and
  // retry_later while another change, or the leader's first entry, is not committed.
  Result<Index> change(Configuration);
  // Errors: invalid (no voter); retry_elsewhere.  Whether it worked shows who leads next.
  Result<void> transfer(NodeId to);

  // A snapshot that is durable stands for the log up to it.  Not while may_compact() is
  // false: then a member is being sent the one before.
  bool may_compact() const;
  Snapshot snapshot_of(std::string state) const;  // of what has been handed out to apply
  void compact(Snapshot);

  Role role() const;
  Term term() const;
  std::optional<NodeId> leader() const;  // of this term, as far as we know
  Index commit() const;
  Index last() const;
  Index durable_last() const;
  std::optional<Term> term_of(Index) const;  // nothing when it is not in memory
  const Configuration& configuration() const;
  bool change_is_open() const;  // the configuration in force is not committed
  // As leader: how far a member holds the log.  0 for who is not known.
  Index match_of(NodeId) const;
  // Does a committed entry of this term stand?  Before, reads wait.
  bool settled() const;
  std::uint64_t nonsense() const;  // messages that no member would send
  void check_invariants() const;   // walks the log; simulator only

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perdure::raft
