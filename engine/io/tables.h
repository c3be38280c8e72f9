// engine/io/tables.h
//
// Ordered key-value families on disk, one for each partition.  They hold no truth:
// the log does (design section 1), so the only way in is a whole checkpoint.
//
// Promised   ingest() is atomic: after a crash a family holds all of a run or nothing
//            of it; after ok it is durable.  A cursor sees the family as it was when
//            the cursor was made.  Keys order as unsigned bytes.
// Allowed    Any call but peek() may park, take long, or fail.  A family whose files
//            rot answers `corrupt`; the cure is drop() and a replay or an import.
// Not here   single puts, a write-ahead log, transactions.
//
// One writer a family: calls of ingest() must not overlap.  Folders of exports are
// relative to the data directory, like the paths of io/disk.h, and seen by it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace perdure::io {

// One change of a run.  A run is sorted by key, each key once; the ranges to erase
// are sorted, do not touch, and are applied first, then the changes.  All bytes are
// borrowed until ingest() returns: a checkpoint is large, and is not copied.
struct Change {
  std::string_view key;
  std::optional<std::string_view> value;  // absent: erase
};
struct EraseRange {
  std::string_view from, to;  // [from, to), not empty
};
struct Run {
  std::vector<EraseRange> erase_ranges;
  std::vector<Change> changes;
};

enum class Peek { value, absent, unknown };  // unknown: only the disk can tell

class Cursor {
 public:
  virtual ~Cursor() = default;
  // The next rows in key order, about `bytes_max` of them (at least one); empty at the end.
  virtual Result<std::vector<std::pair<std::string, std::string>>> next(std::size_t bytes_max) = 0;
};

class Family {
 public:
  virtual ~Family() = default;
  // Memory only, never parks: what the caches can say.
  virtual Peek peek(std::string_view key, std::string& value) = 0;
  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  // Several in one trip, answered in the order asked; together they need be of no one moment.
  virtual Result<std::vector<std::optional<std::string>>> get_all(
      const std::vector<std::string>& keys);
  virtual Result<std::unique_ptr<Cursor>> scan(std::string_view from, std::string_view to) = 0;
  virtual Result<void> ingest(Run run) = 0;
  // Writes a copy of the family as it is now into a new folder (hard links where the
  // world has them), with all that import_family() needs.
  virtual Result<void> export_to(std::string_view folder) = 0;
};

class Tables {
 public:
  virtual ~Tables() = default;
  // Made if absent; whether list() knows one that never held anything is left open.
  virtual Result<std::unique_ptr<Family>> open(std::string_view family) = 0;
  virtual Result<void> drop(std::string_view family) = 0;  // fine when absent; none open
  // Makes the family from an exported folder; `conflict` when it exists.
  virtual Result<void> import_family(std::string_view family, std::string_view folder) = 0;
  virtual Result<std::vector<std::string>> list() = 0;
};

}  // namespace perdure::io
