// engine/log/log.h
//
// The log of one partition: a chain of loglets, of which only the last is open.
//
//     Lsn      1 ........ 400 | 401 ....... 913 | 914 ...
//     loglet   [ 3: sealed   ] [ 7: sealed     ] [ 9: open
//     Offset   1 ........ 400   1 ......... 513   1 ...
//                ^ trim point                          ^ committed, then tail
//
// In     append(record) by the partition's leader; read(from) by its replicas
// Out    each record once, in one order, to every reader; or an end
// Not    who leads (control), what a record means (processor), bytes (wire)
//
// A log that was opened for writing writes until its loglet ends: because the disk failed,
// somebody sealed it, or no write quorum answers.  Then it takes no more (`failed`,
// `fenced`), what was appended and is not committed is of unknown outcome, and whoever wants
// to go on opens it again, which seals and extends the chain.  It never reopens itself: its
// user has to settle what is unknown first.
//
// The copy of this node goes straight into its Wal, in the turn of the append; those of
// others leave at the end of the turn.  A log of one copy has no fiber and sends nothing.
//
// Between the answer that makes a write quorum and the moment when committed() says so lies
// no park; and a seal is told to the log before anybody is answered for it (loglet_store.h).
// So no record is ever called committed above the tail that a sealer finds.
//
// Read   sequencer.h   how a record becomes committed
//        replicator.h  how copies get to other nodes
//        chain.h       what a log is made of
//        sealing.h     how a loglet ends
//        reader.h      how others read
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/chain.h"
#include "engine/log/chains.h"
#include "engine/log/loglet_store.h"
#include "engine/log/reach.h"
#include "engine/log/replicator.h"
#include "engine/log/sealing.h"
#include "engine/log/sequencer.h"
#include "engine/wal/wal.h"

namespace perdure::log {

struct Options {
  NodeId node;
  Incarnation incarnation;
  std::string zone;
  Replication replication;              // of new loglets
  std::uint32_t nodeset_size = 0;       // of new loglets; 0: as few as are sensible
  std::uint32_t window_records = 8192;  // in flight, of one log
  std::uint64_t window_bytes = 16 << 20;
  Duration open_timeout = std::chrono::seconds(30);
  Duration stall_timeout = std::chrono::seconds(10);  // without a commit: the log ends
};

// How a log reaches other nodes; a log that stands alone has none.
struct Cluster {
  Servers& servers;
  Server& server;
};

// Told in the turn in which it became true; may append, may not park.
class Observer {
 public:
  virtual ~Observer() = default;
  // All up to `last` is committed.  Rising.
  virtual void committed(Lsn last) = 0;
  // No more will be: what lies after committed() is of unknown outcome.  Once.
  virtual void ended(const Error& why) = 0;
};

class Log final : private CopyWatcher, private Replicated {
 public:
  ~Log() override;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Takes the record and says its place.  Never parks.  Errors: retry_later (the window
  // or the disk is busy), full, invalid (too large), fenced (sealed), failed.
  Result<Lsn> append(std::string record, wal::Admission admission = wal::Admission::ordinary);

  Lsn committed() const { return committed_; }    // 0: nothing was ever
  Lsn tail() const { return next_; }              // the next record's place
  Lsn trim_point() const { return trim_point_; }  // the last that is gone
  const std::optional<Error>& ended() const { return ended_; }
  PartitionId partition() const { return partition_; }
  const Chain& chain() const { return chain_.chain; }

  // One at a time; nullptr: nobody.
  void observe(Observer* observer) { observer_ = observer; }
  // Parks until `lsn` is committed.  Errors: that of the end, timed_out, cancelled.
  Result<void> wait_committed(Lsn lsn, Instant deadline = io::never);

  using Record = std::pair<Lsn, std::string>;
  // Committed records from `from` on, about `bytes_max` of them; none when there is none
  // yet, at least one otherwise.  Parks when they have left memory, or are elsewhere.
  // Errors: not_found (trimmed: go on after trim_point()), corrupt, failed, cancelled.
  Result<std::vector<Record>> read(Lsn from, std::size_t bytes_max);

  // Records up to `last` go, committed ones only; readers see the gap at once.  Parks when
  // whole loglets go.  An error leaves some of the space taken until the next call.
  Result<void> trim(Lsn last);

  // Sees that a write quorum holds every committed record: after a node lost its disk.
  // Parks.  Errors: corrupt (a record is on none of its nodes), timed_out, cancelled.
  Result<Scrubbed> scrub(Instant deadline);

  // Takes no more, and waits for what is in flight: before a planned reopening, so that
  // nothing is of unknown outcome.  Parks.  Errors: timed_out, cancelled, that of the end.
  Result<void> drain(Instant deadline);
  // Ends its fibers: before it goes, unless it stands alone.  Parks.
  void stop();

  void check_invariants() const;

 private:
  friend class Opening;
  struct Parts {
    PartitionId partition;
    LogletStore& store;
    Chains& chains;
    io::Fibers& fibers;
    io::Trace& trace;
    const Cluster* cluster;  // outlived by what it points to only; nullptr: alone
  };
  Log(Parts parts, const Options& options, VersionedChain chain);

  const Loglet& open() const { return chain_.chain.loglets.back(); }
  void durable(LogletId loglet, Offset last) override;
  void sealed(LogletId loglet) override;
  void failed(LogletId loglet, const Error& why) override;
  void pay_effects() override;
  void pay(const SequencerEffects& effects);
  Result<void> store_here(const Store& store);
  void end(const Error& why) override;
  void watch_chain();
  void forget_elsewhere(LogletId loglet, std::vector<Member> nodeset, LogletId successor);
  Result<void> trim_within(Lsn last);
  void trim_elsewhere(const Loglet& loglet, Offset point);
  Result<void> drop_whole_loglets();
  Error trimmed_away(Lsn from) const;

  const PartitionId partition_;
  const NodeId node_;
  LogletStore& store_;
  wal::Wal& wal_;
  Chains& chains_;
  io::Fibers& fibers_;
  io::Trace& trace_;
  const Reach reach_;
  VersionedChain chain_;
  Sequencer sequencer_;
  std::unique_ptr<Replicator> replicator_;  // of a log whose nodeset has other nodes
  bool copies_here_ = false;                // this node is of its nodeset
  Lsn committed_, next_, trim_point_;
  std::optional<Error> ended_;
  bool draining_ = false;
  Observer* observer_ = nullptr;
  io::Event grew_;  // committed, or ended
  std::uint32_t waiting_ = 0;
  bool trimming_chain_ = false;
  io::Group group_;  // of errands to other nodes
};

// Where a partition's copies lie on this node.
struct Place {
  PartitionId partition;
  LogletStore& store;
};

// Opens logs for writing: seals the last loglet of each, finds its tail, and extends all
// chains in one change of the metadata.  Makes the chains that are not there.  Parks; of
// logs of one copy, for one sync and one change, however many they are.  In the order given.
// Errors: conflict (somebody else extends them too), corrupt (a loglet lacks records that
// its chain says it has: a wiped or rotten disk), retry_elsewhere (a loglet is not here),
// timed_out (too few of a loglet's nodes answer), retry_later (too few nodes can be written
// to), those of Chains and Wal.
Result<std::vector<std::unique_ptr<Log>>> open_logs(const std::vector<Place>& places,
                                                    Chains& chains, io::Fibers& fibers,
                                                    io::Trace& trace, const Options& options,
                                                    const Cluster* cluster = nullptr);

}  // namespace perdure::log
