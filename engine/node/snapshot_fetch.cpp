#include "engine/node/snapshot_fetch.h"

#include <algorithm>
#include <optional>
#include <span>

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(10);  // with one piece

// Without a file: which one is the newest?
struct SnapshotQuestion {
  PartitionId partition;
  std::uint64_t number = 0;
  std::string file;
  std::uint64_t at = 0;
  static constexpr auto fields = std::tuple(
      wire::field(1, "partition", &SnapshotQuestion::partition),
      wire::field(2, "number", &SnapshotQuestion::number),
      wire::field(3, "file", &SnapshotQuestion::file), wire::field(4, "at", &SnapshotQuestion::at));
};

Result<std::string> ask(const ReplicaNeeds& needs, NodeId node, Verb verb,
                        const SnapshotQuestion& question, Duration within) {
  const auto to = needs.state.shard_of(node, question.partition);
  if (!to) return fail(Code::not_found, "node n" + std::to_string(node.raw()) + " is gone");
  return needs.rpc.ask(*to, verb, wire::encode(question), needs.world.clock.steady() + within);
}

Result<void> fetch_file(const ReplicaNeeds& needs, NodeId from, SnapshotQuestion question,
                        const tables::SnapshotFile& file, const std::string& folder) {
  TRY(written, needs.world.disk.open(folder + "/" + file.name, io::Open::create));
  TRY_VOID(written->truncate(0));
  question.file = file.name;
  while (question.at < file.size) {
    TRY(piece, ask(needs, from, Verb::snapshot, question, patience));
    if (piece.empty()) return fail(Code::corrupt, file.name + " is shorter than it says");
    TRY_VOID(written->write(question.at, as_bytes(piece)));
    question.at += piece.size();
  }
  return written->sync();
}

Result<void> fetch_from(const ReplicaNeeds& needs, PartitionId partition, NodeId from, Lsn applied,
                        tables::Snapshots& into) {
  TRY(bytes, ask(needs, from, Verb::snapshot, {.partition = partition, .file = {}}, patience));
  TRY(manifest, wire::decode<tables::SnapshotManifest>(bytes));
  if (manifest.partition != partition || manifest.applied <= applied) {
    return fail(Code::not_found, "node n" + std::to_string(from.raw()) +
                                     " has no snapshot beyond record " +
                                     std::to_string(applied.raw()));
  }
  const SnapshotQuestion question{.partition = partition, .number = manifest.number, .file = {}};
  TRY(folder, into.begin_receiving(manifest));
  for (const tables::SnapshotFile& file : manifest.files) {
    TRY_VOID(fetch_file(needs, from, question, file, folder));
  }
  TRY_VOID(into.received(manifest));
  needs.world.trace.event(
      io::Level::info, "node.snapshot.fetched",
      {{"partition", partition.raw()}, {"from", from.raw()}, {"applied", manifest.applied.raw()}});
  return {};
}

}  // namespace

Result<void> fetch_snapshot(const ReplicaNeeds& needs, PartitionId partition,
                            const std::vector<NodeId>& others, Lsn applied,
                            tables::Snapshots& into) {
  Result<void> last = fail(Code::not_found, "there is no other node");
  for (const NodeId node : others) {
    last = fetch_from(needs, partition, node, applied, into);
    if (last || last.error().code == Code::cancelled) return last;
  }
  return last;
}

Result<ReplicaProgress> ask_progress(Rpc& rpc, io::ShardAddress to, PartitionId partition,
                                     Instant deadline) {
  TRY(bytes, rpc.ask(to, Verb::progress,
                     wire::encode(SnapshotQuestion{.partition = partition, .file = {}}), deadline));
  return wire::decode<ReplicaProgress>(bytes);
}

// --- the other side --------------------------------------------------------------------------

namespace {

// Where that file is; only what a manifest names gets out.
std::optional<std::string> path_of(const tables::Snapshots& snapshots,
                                   const SnapshotQuestion& question) {
  for (const tables::SnapshotManifest& kept : snapshots.kept()) {
    const bool has = std::ranges::any_of(
        kept.files, [&](const tables::SnapshotFile& file) { return file.name == question.file; });
    if (kept.number == question.number && has) {
      return snapshots.folder_of(kept) + "/rows/" + question.file;
    }
  }
  return std::nullopt;
}

Result<std::string> read_piece(io::World& world, const std::string& path, std::uint64_t at,
                               std::size_t piece_bytes) {
  TRY(file, world.disk.open(path, io::Open::existing));
  std::string piece(piece_bytes, '\0');
  TRY(got, file->read(at, std::as_writable_bytes(std::span(piece))));
  piece.resize(got);
  return piece;
}

}  // namespace

void serve_replicas(Rpc& rpc, io::World& world, Replicas& replicas, std::size_t piece_bytes) {
  const auto find = [&replicas](PartitionId partition) -> Result<const Replica*> {
    const auto found = replicas.all().find(partition);
    if (found == replicas.all().end() || found->second->partition() == nullptr) {
      return fail(Code::not_found, "there is no replica of that partition here");
    }
    return found->second.get();
  };
  rpc.serve(Verb::snapshot,
            [&world, find, piece_bytes](std::string_view bytes) -> Result<std::string> {
              TRY(question, wire::decode<SnapshotQuestion>(bytes));
              TRY(replica, find(question.partition));
              const tables::Snapshots& snapshots = *replica->snapshots();
              if (!question.file.empty()) {
                const auto path = path_of(snapshots, question);
                if (!path) return fail(Code::not_found, "that snapshot is here no longer");
                return read_piece(world, *path, question.at, piece_bytes);
              }
              if (snapshots.kept().empty())
                return fail(Code::not_found, "there is no snapshot here");
              return wire::encode(snapshots.kept().back());
            });
  rpc.serve(Verb::progress, [find](std::string_view bytes) -> Result<std::string> {
    TRY(question, wire::decode<SnapshotQuestion>(bytes));
    TRY(replica, find(question.partition));
    const processor::Partition& partition = *replica->partition();
    return wire::encode(ReplicaProgress{.applied = partition.applied(),
                                        .laid_down = partition.laid_down(),
                                        .leads = partition.leads()});
  });
}

}  // namespace perdure::node
