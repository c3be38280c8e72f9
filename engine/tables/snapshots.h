// engine/tables/snapshots.h
//
// Copies of a partition's checkpoints on the node's own disk, so that the log can be
// trimmed: the newest two.
//
//     snapshots/<partition>/<lsn>-<n>/rows/...    what io::Family::export_to() wrote
//                                    /manifest    written last: what it is, and checksums
//
// A snapshot counts when its manifest is whole, and is used when every file matches it.
// trim_point() is the position of the *older* one: should the newer turn out damaged,
// the older and the log behind it still give everything.
//
// The position is a lower bound; the rows say for themselves how far they go (the
// applied LSN is one of them), and replay begins there.
//
// take() must not overlap a write_frozen() of the same partition.  One shard's.
// Not here: buckets, fetching from a peer, when to take one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/io/disk.h"
#include "engine/io/tables.h"
#include "engine/io/trace.h"
#include "engine/wire/codec.h"

namespace perdure::tables {

struct SnapshotFile {
  std::string name;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
  static constexpr auto fields = std::tuple(wire::field(1, "name", &SnapshotFile::name),
                                            wire::field(2, "size", &SnapshotFile::size),
                                            wire::field(3, "checksum", &SnapshotFile::checksum));
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

struct SnapshotManifest {
  static constexpr std::uint32_t version_now = 1;
  std::uint32_t version = version_now;
  PartitionId partition;
  Lsn applied;
  std::uint64_t number = 0;  // of this partition's snapshots, in the order they were taken
  std::vector<SnapshotFile> files;
  static constexpr auto fields =
      std::tuple(wire::field(1, "version", &SnapshotManifest::version),
                 wire::field(2, "partition", &SnapshotManifest::partition),
                 wire::field(3, "applied", &SnapshotManifest::applied),
                 wire::field(4, "number", &SnapshotManifest::number),
                 wire::field(5, "files", &SnapshotManifest::files));
  friend bool operator==(const SnapshotManifest&, const SnapshotManifest&) = default;
};

class Snapshots {
 public:
  static constexpr std::size_t kept_max = 2;

  Snapshots(io::Disk& disk, io::Trace& trace, PartitionId partition,
            std::string_view root = "snapshots");

  // Finds what is there.  What has no whole manifest is told, passed over, and removed
  // after the next take().
  Result<void> open();

  // Exports the family, whose checkpoint reaches `applied`, and forgets the oldest.
  Result<SnapshotManifest> take(io::Family& family, Lsn applied);

  // One that was taken elsewhere: gives it a number of this partition's, and the folder for its
  // files; when they are there and synced, received() checks them and it counts as taken.
  Result<std::string> begin_receiving(SnapshotManifest& snapshot);
  Result<void> received(const SnapshotManifest& snapshot);

  // Up to here the log is no longer needed.  Absent until two are kept.
  std::optional<Lsn> trim_point() const;
  const std::vector<SnapshotManifest>& kept() const { return kept_; }  // oldest first

  // Reads every file.  Errors: corrupt, with the file's name; the disk's.
  Result<void> verify(const SnapshotManifest& snapshot);

  // Makes the family from the newest one that verifies.  Errors: not_found when none
  // does, and the reason of the last; conflict when the family exists.
  Result<SnapshotManifest> restore(io::Tables& tables, std::string_view family);

  std::string folder_of(const SnapshotManifest& snapshot) const;

 private:
  Result<SnapshotManifest> read_manifest(const std::string& folder);
  Result<void> write_manifest(const SnapshotManifest& snapshot);
  Result<SnapshotFile> look_at(const std::string& folder, std::string name);
  Result<void> make_folders(const SnapshotManifest& snapshot);
  Result<void> keep(const SnapshotManifest& snapshot);
  void forget_old();
  void skip(const std::string& folder, const Error& why);

  io::Disk& disk_;
  io::Trace& trace_;
  const PartitionId partition_;
  const std::string root_, folder_;
  std::vector<SnapshotManifest> kept_;
  std::vector<std::string> refuse_;  // folders to be removed
  std::uint64_t next_number_ = 1;
};

}  // namespace perdure::tables
