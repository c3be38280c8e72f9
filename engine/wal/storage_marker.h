// engine/wal/storage_marker.h
//
// A small file in the data directory that says whose it is, so that a wiped disk knows
// that it was wiped, and nobody serves another cluster's data by a slip of a path.
//
//     perdure storage
//     version 1
//     cluster orders
//     node 1
//     streams 2
//     id 7f3a90c2d41b8e65
//     fingerprint 3b1c...   of the cluster; left out by those who did not know it
//     check 1c2d...               of the lines above
//
// Absent in an empty directory: a fresh start, and it is written.  Absent beside a log:
// refused, for nobody can say what was lost.  `streams` is fixed at the first start: a
// loglet keeps its stream for life, and with fewer shards one shard opens several.
//
// Not here   the lock on the directory: that is the host's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/io/disk.h"

namespace perdure::wal {

inline constexpr std::uint32_t storage_version = 1;
inline constexpr std::string_view marker_path = "storage-marker";  // in the data directory

struct StorageMarker {
  std::string cluster;  // printable, without blanks at its ends
  NodeId node;
  std::uint32_t streams = 0;
  std::uint64_t id = 0;           // random: seeds the checks of every frame
  std::uint64_t fingerprint = 0;  // of the cluster: two may have the same name; 0: not known
  friend bool operator==(const StorageMarker&, const StorageMarker&) = default;
};

struct OpenedMarker {
  StorageMarker marker;
  bool fresh = false;  // it was written just now: this node holds nothing
};

// Reads the marker, or writes `ours` into a directory that has neither marker nor log.
// Of `ours`, cluster and node must agree with what is there; streams, id and fingerprint
// are for a fresh start.  Parks.  Errors: invalid (another version), conflict (another cluster or
// node), corrupt, failed, full.
Result<OpenedMarker> open_marker(io::Disk& disk, const StorageMarker& ours);

// The marker that is there, if one is, whoever's it be.  Parks.  Errors: as above.
Result<std::optional<StorageMarker>> find_marker(io::Disk& disk);

std::string encode_marker(const StorageMarker& marker);
Result<StorageMarker> decode_marker(std::string_view text);

// The folder of one stream: "wal/0".
std::string stream_folder(std::uint32_t stream);

}  // namespace perdure::wal
