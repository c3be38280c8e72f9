#include "engine/wal/storage_marker.h"

#include <charconv>
#include <optional>
#include <span>

#include "engine/base/bytes.h"

namespace perdure::wal {
namespace {

constexpr std::string_view half_written = "storage-marker.new";
constexpr std::string_view title = "perdure storage";
constexpr std::size_t bytes_max = 4096;

std::string hex(std::uint64_t number) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  return std::string(digits, end);
}

std::optional<std::uint64_t> number_in(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The rest of the line that begins with `key`, taken off the front of `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  if (!line.starts_with(key)) return std::nullopt;
  line.remove_prefix(key.size());
  text.remove_prefix(end + 1);
  return line;
}

std::unexpected<Error> damaged() {
  return fail(Code::corrupt,
              "the storage marker is damaged: restore the data directory, or "
              "start with an empty one");
}

Result<std::string> read_all(io::File& file) {
  std::string bytes(bytes_max, '\0');
  TRY(size, file.read(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(size);
  return bytes;
}

Result<void> write(io::Disk& disk, const StorageMarker& marker) {
  TRY(file, disk.open(half_written, io::Open::create));
  TRY_VOID(file->truncate(0));
  TRY_VOID(file->write_and_sync(0, as_bytes(encode_marker(marker))));
  TRY_VOID(disk.rename(half_written, marker_path));
  return disk.sync_folder("");
}

// Another start of the same directory may have died before its first marker was durable,
// but it made no log before that.
Result<bool> has_log(io::Disk& disk) {
  TRY(names, disk.list(""));
  for (const std::string& name : names) {
    if (name != "wal") continue;
    TRY(streams, disk.list("wal"));
    if (!streams.empty()) return true;
  }
  return false;
}

Result<void> check_ours(const StorageMarker& found, const StorageMarker& ours) {
  if (found.cluster != ours.cluster) {
    return fail(Code::conflict, "the data directory belongs to cluster '" + found.cluster +
                                    "', this node is of cluster '" + ours.cluster + "'");
  }
  if (found.node != ours.node) {
    return fail(Code::conflict, "the data directory belongs to node " +
                                    std::to_string(found.node.raw()) + ", this is node " +
                                    std::to_string(ours.node.raw()));
  }
  return {};
}

}  // namespace

std::string encode_marker(const StorageMarker& marker) {
  std::string text = std::string(title) + "\nversion " + std::to_string(storage_version) +
                     "\ncluster " + marker.cluster + "\nnode " + std::to_string(marker.node.raw()) +
                     "\nstreams " + std::to_string(marker.streams) + "\nid " + hex(marker.id) +
                     "\n";
  if (marker.fingerprint != 0) text += "fingerprint " + hex(marker.fingerprint) + "\n";
  return text + "check " + hex(hash64(text)) + "\n";
}

// The version is looked at before all else: a newer marker may look different.
Result<StorageMarker> decode_marker(std::string_view text) {
  const std::string_view all = text;
  if (!take_line(text, title)) return damaged();
  const auto version = take_line(text, "version ");
  const auto version_number = version ? number_in(*version, 10) : std::nullopt;
  if (!version_number) return damaged();
  if (*version_number != storage_version) {
    return fail(Code::invalid, "the data directory is of version " + std::string(*version) +
                                   ", this program knows version " +
                                   std::to_string(storage_version));
  }
  const auto cluster = take_line(text, "cluster ");
  const auto node = take_line(text, "node ");
  const auto streams = take_line(text, "streams ");
  const auto id = take_line(text, "id ");
  const auto fingerprint = take_line(text, "fingerprint ");  // absent: written before it was known
  const std::string_view checked = all.substr(0, all.size() - text.size());
  const auto check = take_line(text, "check ");
  if (!cluster || !node || !streams || !id || !check) return damaged();

  const auto node_number = number_in(*node, 10);
  const auto stream_count = number_in(*streams, 10);
  const auto id_number = number_in(*id, 16);
  const auto fingerprint_number = fingerprint ? number_in(*fingerprint, 16) : 0;
  if (!node_number || !stream_count || !id_number || !fingerprint_number) return damaged();
  if (number_in(*check, 16) != hash64(checked) || *stream_count > UINT32_MAX) return damaged();
  return StorageMarker{.cluster = std::string(*cluster),
                       .node = NodeId(*node_number),
                       .streams = static_cast<std::uint32_t>(*stream_count),
                       .id = *id_number,
                       .fingerprint = *fingerprint_number};
}

Result<std::optional<StorageMarker>> find_marker(io::Disk& disk) {
  auto file = disk.open(marker_path, io::Open::existing);
  if (!file && file.error().code == Code::not_found) return std::nullopt;
  if (!file) return std::unexpected(file.error());
  TRY(text, read_all(**file));
  TRY(found, decode_marker(text));
  return found;
}

Result<OpenedMarker> open_marker(io::Disk& disk, const StorageMarker& ours) {
  TRY(found, find_marker(disk));
  if (found) {
    TRY_VOID(check_ours(*found, ours));
    TRY_VOID(disk.sync_folder(""));  // whoever wrote it may have died before this
    return OpenedMarker{.marker = *found, .fresh = false};
  }
  TRY(log_is_there, has_log(disk));
  if (log_is_there) {
    return fail(Code::corrupt,
                "the data directory has a log but no storage marker: restore "
                "the marker, or start with an empty directory");
  }
  TRY_VOID(write(disk, ours));
  return OpenedMarker{.marker = ours, .fresh = true};
}

std::string stream_folder(std::uint32_t stream) { return "wal/" + std::to_string(stream); }

}  // namespace perdure::wal
