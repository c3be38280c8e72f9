#include "engine/tables/snapshots.h"

#include <algorithm>
#include <charconv>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace perdure::tables {

namespace {

constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);

std::string padded(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(20 - digits.size(), '0') + digits;
}

Result<std::string> read_all(io::Disk& disk, const std::string& path) {
  TRY(file, disk.open(path, io::Open::existing));
  TRY(size, file->size());
  if (size > piece_bytes) return fail(Code::corrupt, path + " is too large");
  std::string bytes(size, '\0');
  TRY(got, file->read(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(got);
  return bytes;
}

}  // namespace

Snapshots::Snapshots(io::Disk& disk, io::Trace& trace, PartitionId partition, std::string_view root)
    : disk_(disk),
      trace_(trace),
      partition_(partition),
      root_(root),
      folder_(root_ + "/" + std::to_string(partition.raw())) {}

std::string Snapshots::folder_of(const SnapshotManifest& snapshot) const {
  return folder_ + "/" + padded(snapshot.applied.raw()) + "-" + std::to_string(snapshot.number);
}

void Snapshots::skip(const std::string& folder, const Error& why) {
  trace_.event(io::Level::warn, "tables.snapshot.skipped",
               {{"partition", partition_.raw()}, {"folder", folder}, {"why", why.detail}});
}

Result<void> Snapshots::open() {
  kept_.clear();
  refuse_.clear();
  TRY_VOID(disk_.make_folder(root_));
  TRY_VOID(disk_.make_folder(folder_));
  TRY(names, disk_.list(folder_));
  for (const std::string& name : names) {
    const std::string folder = folder_ + "/" + name;
    auto snapshot = read_manifest(folder);
    if (!snapshot) {
      skip(folder, snapshot.error());
      refuse_.push_back(folder);
      // Its number may not be used again while the folder is there.
      const auto dash = name.rfind('-');
      std::uint64_t number = 0;
      if (dash != name.npos) std::from_chars(&name[dash] + 1, name.data() + name.size(), number);
      next_number_ = std::max(next_number_, number + 1);
      continue;
    }
    next_number_ = std::max(next_number_, snapshot->number + 1);
    kept_.push_back(std::move(*snapshot));
  }
  std::ranges::sort(kept_, {}, &SnapshotManifest::number);
  return {};
}

// --- taking ------------------------------------------------------------------------------

Result<void> Snapshots::make_folders(const SnapshotManifest& snapshot) {
  TRY_VOID(disk_.make_folder(root_));
  TRY_VOID(disk_.make_folder(folder_));
  return disk_.make_folder(folder_of(snapshot));
}

Result<SnapshotManifest> Snapshots::take(io::Family& family, Lsn applied) {
  SnapshotManifest snapshot{
      .partition = partition_, .applied = applied, .number = next_number_++, .files = {}};
  const std::string folder = folder_of(snapshot), rows = folder + "/rows";
  refuse_.push_back(folder);  // until it is whole
  TRY_VOID(make_folders(snapshot));
  TRY_VOID(family.export_to(rows));
  TRY(names, disk_.list(rows));
  for (std::string& name : names) {
    TRY(file, look_at(rows, std::move(name)));
    snapshot.files.push_back(std::move(file));
  }
  TRY_VOID(keep(snapshot));
  trace_.event(io::Level::info, "tables.snapshot.taken",
               {{"partition", partition_.raw()},
                {"applied", applied.raw()},
                {"files", snapshot.files.size()}});
  return snapshot;
}

Result<void> Snapshots::keep(const SnapshotManifest& snapshot) {
  TRY_VOID(write_manifest(snapshot));
  std::erase(refuse_, folder_of(snapshot));
  kept_.push_back(snapshot);
  forget_old();
  return {};
}

Result<std::string> Snapshots::begin_receiving(SnapshotManifest& snapshot) {
  snapshot.number = next_number_++;
  const std::string folder = folder_of(snapshot), rows = folder + "/rows";
  refuse_.push_back(folder);  // until it is whole
  TRY_VOID(make_folders(snapshot));
  TRY_VOID(disk_.make_folder(rows));
  return rows;
}

Result<void> Snapshots::received(const SnapshotManifest& snapshot) {
  TRY_VOID(verify(snapshot));
  TRY_VOID(disk_.sync_folder(folder_of(snapshot) + "/rows"));
  return keep(snapshot);
}

// The manifest is the last thing that becomes durable, and with it all names on the way to
// it: one that was never synced takes what lies below it along when the power goes.
Result<void> Snapshots::write_manifest(const SnapshotManifest& snapshot) {
  std::string bytes = wire::encode(snapshot);
  put_be(bytes, hash64(bytes));
  const std::string folder = folder_of(snapshot);
  TRY(file, disk_.open(folder + "/manifest", io::Open::create_new));
  TRY_VOID(file->write_and_sync(0, as_bytes(bytes)));
  TRY_VOID(disk_.sync_folder(folder));
  TRY_VOID(disk_.sync_folder(folder_));
  TRY_VOID(disk_.sync_folder(root_));
  const auto slash = root_.rfind('/');
  return disk_.sync_folder(slash == root_.npos ? "" : root_.substr(0, slash));
}

// A folder that cannot be removed now is tried again after the next snapshot.
void Snapshots::forget_old() {
  while (kept_.size() > kept_max) {
    refuse_.push_back(folder_of(kept_.front()));
    kept_.erase(kept_.begin());
  }
  std::erase_if(refuse_, [&](const std::string& folder) {
    const auto gone = disk_.remove_folder(folder);
    if (!gone) skip(folder, gone.error());
    return gone.has_value();
  });
}

std::optional<Lsn> Snapshots::trim_point() const {
  if (kept_.size() < kept_max) return std::nullopt;
  return kept_.front().applied;
}

// --- using -------------------------------------------------------------------------------

Result<SnapshotManifest> Snapshots::read_manifest(const std::string& folder) {
  TRY(bytes, read_all(disk_, folder + "/manifest"));
  if (bytes.size() < checksum_bytes) return fail(Code::corrupt, "manifest is cut off");
  const std::string_view body(bytes.data(), bytes.size() - checksum_bytes);
  if (get_be<std::uint64_t>(std::string_view(bytes).substr(body.size())) != hash64(body)) {
    return fail(Code::corrupt, "manifest does not match its checksum");
  }
  TRY(snapshot, wire::decode<SnapshotManifest>(body));
  if (snapshot.version != SnapshotManifest::version_now) {
    return fail(Code::invalid, "manifest is of version " + std::to_string(snapshot.version));
  }
  if (snapshot.partition != partition_) return fail(Code::invalid, "of another partition");
  if (folder_of(snapshot) != folder) return fail(Code::corrupt, "manifest of another folder");
  return snapshot;
}

Result<SnapshotFile> Snapshots::look_at(const std::string& folder, std::string name) {
  TRY(file, disk_.open(folder + "/" + name, io::Open::existing));
  SnapshotFile look{.name = std::move(name)};
  std::string piece(piece_bytes, '\0');
  while (true) {
    TRY(got, file->read(look.size, std::as_writable_bytes(std::span(piece))));
    if (got == 0) return look;
    look.checksum = hash64(std::string_view(piece).substr(0, got), look.checksum);
    look.size += got;
  }
}

Result<void> Snapshots::verify(const SnapshotManifest& snapshot) {
  const std::string rows = folder_of(snapshot) + "/rows";
  for (const SnapshotFile& expected : snapshot.files) {
    TRY(seen, look_at(rows, expected.name));
    if (seen != expected) {
      return fail(Code::corrupt, rows + "/" + expected.name + " does not match its manifest");
    }
  }
  return {};
}

Result<SnapshotManifest> Snapshots::restore(io::Tables& tables, std::string_view family) {
  std::string last_reason = "there is none";
  for (auto snapshot = kept_.rbegin(); snapshot != kept_.rend(); ++snapshot) {
    Result<void> done = verify(*snapshot);
    if (done) done = tables.import_family(family, folder_of(*snapshot) + "/rows");
    if (done) return *snapshot;
    if (done.error().code == Code::conflict) return std::unexpected(done.error());
    skip(folder_of(*snapshot), done.error());
    last_reason = done.error().detail;
  }
  return fail(Code::not_found, "no snapshot of partition " + std::to_string(partition_.raw()) +
                                   " can be used: " + last_reason);
}

}  // namespace perdure::tables
