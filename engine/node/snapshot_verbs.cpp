#include "engine/node/snapshot_verbs.h"

#include <charconv>
#include <set>

#include "engine/io/disk.h"
#include "engine/io/tables.h"
#include "engine/tables/rows.h"
#include "engine/tables/snapshots.h"
#include "engine/wal/storage_marker.h"

namespace perdure::node {
namespace {

constexpr std::string_view family_prefix = "partition-";

std::optional<PartitionId> partition_in(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return PartitionId(number);
}

Result<std::set<PartitionId>> with_tables(io::World& world) {
  TRY(families, world.tables.list());
  std::set<PartitionId> found;
  for (const std::string_view family : families) {
    if (!family.starts_with(family_prefix)) continue;
    if (const auto id = partition_in(family.substr(family_prefix.size()))) found.insert(*id);
  }
  return found;
}

// All that have tables or snapshots.
Result<std::set<PartitionId>> partitions(io::World& world, std::optional<PartitionId> wanted) {
  TRY(found, with_tables(world));
  if (const auto folders = world.disk.list("snapshots")) {
    for (const std::string& folder : *folders) {
      if (const auto id = partition_in(folder)) found.insert(*id);
    }
  }
  if (!wanted) return found;
  if (!found.contains(*wanted)) {
    return fail(Code::not_found, "there is no partition " + std::to_string(wanted->raw()) +
                                     " in this data directory");
  }
  return std::set<PartitionId>{*wanted};
}

// How far the tables of the last checkpoint go.
Result<Lsn> applied_of(io::Family& family) {
  TRY(bytes, family.get(tables::partition_row_key().str()));
  if (!bytes) return Lsn();
  TRY(row, wire::decode<tables::PartitionRow>(*bytes));
  return row.applied;
}

std::string name(PartitionId id) { return "partition " + std::to_string(id.raw()); }

std::string show(const tables::SnapshotManifest& snapshot) {
  std::uint64_t bytes = 0;
  for (const tables::SnapshotFile& file : snapshot.files) bytes += file.size;
  return "snapshot " + std::to_string(snapshot.number) + " up to record " +
         std::to_string(snapshot.applied.raw()) + ", " + std::to_string(bytes) + " bytes in " +
         std::to_string(snapshot.files.size()) + " files";
}

Result<std::string> list(io::World& world, PartitionId id, bool has_tables) {
  std::string text = name(id) + ": ";
  if (!has_tables) {
    text += "no tables\n";
  } else {
    TRY(family, world.tables.open(family_of(id)));
    const Result<Lsn> applied = applied_of(*family);
    text += applied ? "tables up to record " + std::to_string(applied->raw()) + "\n"
                    : "tables cannot be read: " + applied.error().detail + "\n";
  }
  tables::Snapshots snapshots(world.disk, world.trace, id);
  TRY_VOID(snapshots.open());
  for (const tables::SnapshotManifest& snapshot : snapshots.kept()) {
    const Result<void> whole = snapshots.verify(snapshot);
    text += "  " + show(snapshot) + (whole ? "\n" : ", damaged: " + whole.error().detail + "\n");
  }
  if (snapshots.kept().empty()) text += "  no snapshots\n";
  return text;
}

Result<std::string> export_now(io::World& world, PartitionId id, bool has_tables) {
  if (!has_tables) return fail(Code::not_found, name(id) + " has no tables to export");
  TRY(family, world.tables.open(family_of(id)));
  TRY(applied, applied_of(*family));
  tables::Snapshots snapshots(world.disk, world.trace, id);
  TRY_VOID(snapshots.open());
  TRY(snapshot, snapshots.take(*family, applied));
  return name(id) + ": " + show(snapshot) + " in " + snapshots.folder_of(snapshot) + "\n";
}

Result<std::string> restore(io::World& world, PartitionId id) {
  tables::Snapshots snapshots(world.disk, world.trace, id);
  TRY_VOID(snapshots.open());
  // Before anything is dropped.
  std::string why = "there is none";
  bool usable = false;
  for (const tables::SnapshotManifest& snapshot : snapshots.kept()) {
    const Result<void> whole = snapshots.verify(snapshot);
    usable = usable || whole.has_value();
    if (!whole) why = whole.error().detail;
  }
  if (!usable) {
    return fail(Code::not_found, "no snapshot of " + name(id) + " can be used (" + why +
                                     "): its tables are as they were");
  }
  TRY_VOID(world.tables.drop(family_of(id)));
  TRY(restored, snapshots.restore(world.tables, family_of(id)));
  return name(id) + ": restored from " + show(restored) + "\n";
}

}  // namespace

std::string data_directory_mark() { return std::string(wal::marker_path); }

std::string family_of(PartitionId id) {
  return std::string(family_prefix) + std::to_string(id.raw());
}

Result<std::string> run_verb(SnapshotVerb verb, io::World& world,
                             std::optional<PartitionId> wanted) {
  TRY(chosen, partitions(world, wanted));
  TRY(have_tables, with_tables(world));
  std::string text;
  for (const PartitionId id : chosen) {
    Result<std::string> lines;
    switch (verb) {
      case SnapshotVerb::list: lines = list(world, id, have_tables.contains(id)); break;
      case SnapshotVerb::export_now: lines = export_now(world, id, have_tables.contains(id)); break;
      case SnapshotVerb::restore: lines = restore(world, id); break;
    }
    if (!lines) return std::unexpected(Error{lines.error().code, text + lines.error().detail});
    text += *lines;
  }
  return text;
}

}  // namespace perdure::node
