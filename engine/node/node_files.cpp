#include "engine/node/node_files.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"

namespace perdure::node {
namespace {

constexpr std::string_view life_files[] = {"life.0", "life.1"};
constexpr std::string_view nodes_file = "nodes", half_written = "nodes.new";
constexpr std::size_t checksum_bytes = 8;

std::string sealed(std::string bytes) {
  put_be(bytes, hash64(bytes));
  return bytes;
}

// Error: not_found, corrupt, the disk's.
Result<std::string> read_sealed(io::Disk& disk, std::string_view path) {
  TRY(file, disk.open(path, io::Open::existing));
  TRY(size, file->size());
  std::string bytes(size, '\0');
  TRY(got, file->read(0, std::as_writable_bytes(std::span(bytes))));
  if (got < size || size < checksum_bytes) return fail(Code::corrupt, "cut off");
  const std::uint64_t sum =
      get_be<std::uint64_t>(std::string_view(bytes).substr(size - checksum_bytes));
  bytes.resize(size - checksum_bytes);
  if (sum != hash64(bytes)) return fail(Code::corrupt, "does not match its checksum");
  return bytes;
}

Result<void> write_sealed(io::Disk& disk, std::string_view path, std::string bytes) {
  TRY(file, disk.open(path, io::Open::create));
  bytes = sealed(std::move(bytes));
  TRY_VOID(file->truncate(bytes.size()));
  return file->write_and_sync(0, as_bytes(bytes));
}

std::string life_bytes(std::uint64_t life) {
  std::string bytes;
  put_be(bytes, life);
  return bytes;
}

}  // namespace

Result<control::NodeLife> next_life(io::Disk& disk) {
  std::optional<std::uint64_t> last;
  std::size_t newest = 0, found = 0;
  bool damaged = false;
  for (std::size_t i = 0; i < std::size(life_files); ++i) {
    const Result<std::string> bytes = read_sealed(disk, life_files[i]);
    if (!bytes && bytes.error().code == Code::not_found) continue;
    if (!bytes && bytes.error().code != Code::corrupt) return std::unexpected(bytes.error());
    ++found;
    if (!bytes || bytes->size() != sizeof(std::uint64_t)) {
      damaged = true;
    } else if (const auto life = get_be<std::uint64_t>(*bytes); !last || life > *last) {
      last = life;
      newest = i;
    }
  }
  if (!last && found == std::size(life_files)) {
    return fail(Code::corrupt,
                "neither life.0 nor life.1 can be read: which lives this node has "
                "had is not known; let it join anew with an empty data directory");
  }
  // Whoever wrote the newest may have died of a sync that failed: it can be read, and would not
  // outlive the power.  It must, before the other one is overwritten.
  if (last) {
    TRY_VOID(write_sealed(disk, life_files[newest], life_bytes(*last)));
    TRY_VOID(disk.sync_folder(""));
  }
  // What cannot be read may have been the life after the one that can.
  const std::uint64_t next = last.value_or(0) + (damaged ? 2 : 1);
  TRY_VOID(write_sealed(disk, life_files[1 - newest], life_bytes(next)));
  TRY_VOID(disk.sync_folder(""));
  return control::NodeLife(next);
}

control::Nodes known_nodes(io::Disk& disk) {
  const Result<std::string> bytes = read_sealed(disk, nodes_file);
  if (!bytes) return {};
  return wire::decode<control::Nodes>(*bytes).value_or(control::Nodes());
}

Result<void> keep_known_nodes(io::Disk& disk, const control::Nodes& nodes) {
  TRY_VOID(write_sealed(disk, half_written, wire::encode(nodes)));
  TRY_VOID(disk.rename(half_written, nodes_file));
  return disk.sync_folder("");
}

}  // namespace perdure::node
