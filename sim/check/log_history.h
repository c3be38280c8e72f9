// sim/check/log_history.h
//
// What a replicated log promises, judged while it happens, from outside of every host.
//
//   log-single-history  one record at one Lsn, for all readers and writers, for ever
//   log-acked-lost      an acknowledged record lies below the tail that its loglet got, and
//                       is read at its Lsn until it is trimmed
//   log-invented        each committed record is that of one append, at the Lsn it was given
//   log-sealed          a loglet's tail, once in the chain, never changes; nothing is
//                       acknowledged at or above it
//   log-chain           loglets join without gap or overlap; versions form one line
//   log-quorum          when a record is acknowledged so many disks have it, durably, and so
//                       they do when its loglet ends above it, though nobody waits for a disk
//                       that is gone: looked up on the disks, not asked.  How many are so many
//                       is counted here, not by engine/log
//   log-reader-order    a reader sees each Lsn once, in order, and gaps only where trimmed
//   log-trim            nothing is trimmed that was not allowed to go
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/chains.h"
#include "sim/world/loop.h"

namespace perdure::sim {

class LogHistory {
 public:
  using Report = std::function<void(Finding)>;
  // Whether a node's disk durably holds these bytes, somewhere.
  using OnDisk = std::function<bool(NodeId node, std::string_view bytes)>;
  LogHistory(Report report, OnDisk on_disk)
      : report_(std::move(report)), on_disk_(std::move(on_disk)) {}

  // A writer was given that place for these bytes, which nobody else appends.
  void appended(PartitionId, const log::Loglet&, Lsn, std::string_view bytes);
  void acknowledged(PartitionId, const log::Loglet&, Lsn, std::string_view bytes);
  // Everybody starts with `begun`; reader is a number of its own.
  void reader_begun(std::uint64_t reader, PartitionId, Lsn from);
  void read(std::uint64_t reader, Lsn, std::string_view bytes);
  void gap(std::uint64_t reader, Lsn to);
  void may_trim(PartitionId, Lsn up_to);
  void chain_changed(PartitionId, std::uint64_t version, const log::Chain& before,
                     const log::Chain& after);
  void wiped(NodeId node);
  void returned(NodeId node);  // with another disk

  std::uint64_t acknowledged_count() const { return acks_; }
  std::uint64_t reads() const { return reads_; }
  std::uint64_t disks_looked_at() const { return looks_; }
  Lsn highest_acknowledged(PartitionId) const;
  Lsn trimmed_up_to(PartitionId) const;  // allowed to be

 private:
  struct Slot {
    std::uint64_t hash = 0;
    LogletId loglet;
    bool acknowledged = false;
  };
  struct Partition {
    std::map<Lsn, Slot> committed;
    std::map<LogletId, Lsn> tails;  // as the chain said
    Lsn may_trim;
    Lsn highest_acknowledged;
    std::uint64_t version = 0;
  };
  struct Append {
    PartitionId partition;
    Lsn lsn;
    LogletId loglet;
    std::uint64_t wipes = 0;  // until then
    std::uint64_t returns = 0;
  };
  using Appends = std::map<std::string, Append, std::less<>>;  // by bytes
  struct Cursor {
    PartitionId partition;
    Lsn next;
  };

  void fail(std::string_view check, std::string_view subject, std::string detail);
  void committed(PartitionId, Lsn, std::string_view bytes, LogletId loglet, bool acknowledged);
  using Nodes = std::set<NodeId>;
  void check_quorum(const log::Loglet&, Lsn, std::string_view bytes, const Append&,
                    const Nodes& needless, std::string_view what);
  Nodes gone_since(const Append&) const;
  void check_end(PartitionId, const log::Loglet&, Lsn tail);
  void tail_published(PartitionId, const log::Loglet&, Lsn tail);

  const Report report_;
  const OnDisk on_disk_;
  std::map<PartitionId, Partition> partitions_;
  Appends appends_;
  std::map<std::pair<LogletId, Lsn>, Appends::const_iterator> given_;  // the last at that place
  std::map<std::uint64_t, Cursor> readers_;
  Nodes gone_;
  std::map<NodeId, std::uint64_t> returned_;  // the number of its last return
  std::uint64_t acks_ = 0, reads_ = 0, looks_ = 0, wipes_ = 0, returns_ = 0;
};

}  // namespace perdure::sim
