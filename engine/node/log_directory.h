// engine/node/log_directory.h
//
// The log as the data directory of one node has it, while its server is not running: for
// operators who want to know what is there before, or instead of, starting it.
//
//     auto logs = LogDirectory::open(disk, fibers, trace);      as a server would recover it
//     logs->describe()      chains, loglets, streams
//     logs->dump(...)       records of one partition
//     logs->close();
//
// It recovers the streams as a start does, which writes: so hand it a disk that keeps what is
// written to itself.  What is not committed is shown as well: one node cannot know how far
// the others came.  Chains are those of this node's copy of the metadata log, for which the
// same holds; without one (a node that is not of the group) records have no Lsn.
//
// In fibers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/result.h"
#include "engine/control/metadata_state.h"
#include "engine/io/disk.h"
#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/chains.h"
#include "engine/wal/storage_marker.h"
#include "engine/wal/wal.h"

namespace perdure::node {

class LogDirectory {
 public:
  // Parks.  Errors: not_found (no data directory of a server), corrupt, naming the place;
  // invalid (another version), failed.
  static Result<std::unique_ptr<LogDirectory>> open(io::Disk&, io::Fibers&, io::Trace&);
  ~LogDirectory();
  void close();  // before its end; parks

  // {"cluster", "node", "streams": [...], "partitions": [...]}.
  std::string describe(std::optional<PartitionId> only) const;

  struct Range {
    PartitionId partition;
    Lsn from;                   // records that have no Lsn: all of them
    std::uint64_t most = 1000;  // records
  };
  // A line of JSON a record, in the order of the log.  Parks.  Errors: not_found (nothing of
  // that partition is here), corrupt, failed.
  Result<std::string> dump(const Range&);

 private:
  LogDirectory(io::Fibers& fibers, io::Trace& trace) : fibers_(fibers), trace_(trace) {}
  Result<void> open_streams(io::Disk&);
  Result<void> load_metadata();
  Result<void> read_chain(PartitionId);
  void append_partition(std::string& out, PartitionId) const;
  // What the chain says of a loglet; nothing, when it says nothing.
  struct Named {
    const log::Loglet* loglet = nullptr;
    Lsn tail;
  };
  Named named(PartitionId, LogletId) const;
  void append_record(std::string& out, LogletId, const Named&, const wal::Record&) const;
  Result<bool> dump_loglet(std::string& out, const wal::LogletState&, const Range&,
                           std::uint64_t& left);
  wal::Wal& stream_of(PartitionId partition) const {
    return *streams_[partition.raw() % streams_.size()];
  }

  io::Fibers& fibers_;
  io::Trace& trace_;
  wal::StorageMarker marker_;
  std::vector<std::unique_ptr<wal::Wal>> streams_;
  control::MetadataState metadata_;
  std::map<PartitionId, log::VersionedChain> chains_;
  std::map<PartitionId, std::vector<wal::LogletState>> loglets_;  // oldest first
};

}  // namespace perdure::node
