#include "engine/node/log_directory.h"

#include <algorithm>
#include <span>

#include "engine/base/bytes.h"
#include "engine/control/raft_storage.h"
#include "engine/node/layout.h"
#include "engine/node/log_text.h"
#include "engine/node/metadata_chains.h"

namespace perdure::node {
namespace {

constexpr std::uint32_t segment_bytes = 1 << 20;  // of those that recovery makes ready
constexpr std::size_t read_bytes = 256 << 10;
constexpr std::size_t marker_bytes_max = 4 << 10;

Result<wal::StorageMarker> read_marker(io::Disk& disk) {
  Result<std::unique_ptr<io::File>> file = disk.open(wal::marker_path, io::Open::existing);
  if (!file && file.error().code == Code::not_found) {
    return fail(Code::not_found,
                "there is no data directory of a server: no file " + std::string(wal::marker_path));
  }
  if (!file) return std::unexpected(file.error());
  std::string text(marker_bytes_max, '\0');
  TRY(size, (*file)->read(0, std::as_writable_bytes(std::span(text))));
  text.resize(size);
  return wal::decode_marker(text);
}

bool is_of_the_metadata(LogletId loglet) {
  constexpr control::RaftLoglets kept;
  return loglet == kept.entries || loglet == kept.ballots || loglet == kept.snapshots;
}

}  // namespace

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(io::Disk& disk, io::Fibers& fibers,
                                                         io::Trace& trace) {
  std::unique_ptr<LogDirectory> directory(new LogDirectory(fibers, trace));
  Result<void> opened = directory->open_streams(disk);
  if (opened) opened = directory->load_metadata();
  if (opened) return directory;
  directory->close();
  return std::unexpected(opened.error());
}

LogDirectory::~LogDirectory() = default;

void LogDirectory::close() {
  for (const auto& stream : streams_) stream->stop();
}

Result<void> LogDirectory::open_streams(io::Disk& disk) {
  TRY(marker, read_marker(disk));
  marker_ = marker;
  for (std::uint32_t number = 0; number < marker_.streams; ++number) {
    TRY(stream, wal::Wal::open(disk, fibers_, trace_,
                               {.folder = wal::stream_folder(number),
                                .stream_id = marker_.id + number,
                                .segment_bytes = segment_bytes,
                                .first_segment_bytes = segment_bytes}));
    for (const wal::LogletState& loglet : stream->loglets()) {
      if (is_of_the_metadata(loglet.loglet)) continue;
      loglets_[log::partition_of(loglet.loglet)].push_back(loglet);
    }
    streams_.push_back(std::move(stream));
  }
  return {};
}

Result<void> LogDirectory::load_metadata() {
  if (streams_.empty()) return {};
  control::RaftStorage storage(*streams_.front());
  TRY(saved, storage.load());
  if (!saved) return {};  // this node is not of the group
  if (saved->snapshot && !saved->snapshot->bytes.empty()) {
    TRY_VOID(metadata_.apply(saved->snapshot->bytes));
  }
  for (const raft::Entry& entry : saved->entries) {
    if (entry.kind != raft::EntryKind::command) continue;
    // A proposal that came too late was decided so by everybody.
    const Result<void> decided = metadata_.decide(entry.bytes);
    if (!decided && decided.error().code == Code::corrupt) return decided;
  }
  TRY(cluster, wire::decode<ClusterConfig>(metadata_.get("cluster").value));
  for (std::uint64_t n = 0; n < cluster.partitions; ++n) TRY_VOID(read_chain(PartitionId(n)));
  return {};
}

Result<void> LogDirectory::read_chain(PartitionId partition) {
  TRY(chain, chain_of(metadata_.get(chain_key(partition))));
  if (chain.version > 0) chains_[partition] = std::move(chain);
  return {};
}

// --- describing --------------------------------------------------------------------------

std::string LogDirectory::describe(std::optional<PartitionId> only) const {
  std::string out;
  {
    JsonObject all(out);
    all.text("cluster", marker_.cluster);
    all.number("node", marker_.node.raw());
    std::string& streams = all.member("streams");
    streams += '[';
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      append_comma(streams);
      JsonObject stream(streams);
      stream.number("stream", i);
      stream.number("disk_bytes", streams_[i]->disk_bytes());
      stream.number("frames", streams_[i]->recovered().frames);
      stream.number("torn_bytes", streams_[i]->recovered().zeroed_bytes);
    }
    streams += ']';
    std::string& partitions = all.member("partitions");
    partitions += '[';
    std::map<PartitionId, bool> known;
    for (const auto& [partition, chain] : chains_) known[partition] = true;
    for (const auto& [partition, loglets] : loglets_) known[partition] = true;
    for (const auto& [partition, here] : known) {
      if (only && *only != partition) continue;
      append_comma(partitions);
      append_partition(partitions, partition);
    }
    partitions += ']';
  }
  return out + "\n";
}

void LogDirectory::append_partition(std::string& out, PartitionId partition) const {
  JsonObject object(out);
  object.number("id", partition.raw());
  const auto chain = chains_.find(partition);
  if (chain != chains_.end()) append_chain(object.member("chain"), partition, chain->second);
  std::string& here = object.member("here");
  here += '[';
  if (const auto found = loglets_.find(partition); found != loglets_.end()) {
    for (const wal::LogletState& loglet : found->second) {
      append_comma(here);
      JsonObject copy(here);
      copy.number("loglet", loglet.loglet.raw());
      copy.number("trim_point", loglet.trim_point.raw());
      copy.number("last", loglet.last.raw());
      copy.truth("sealed", loglet.sealed);
      copy.number("missing", stream_of(partition).missing(loglet.loglet));
    }
  }
  here += ']';
}

// --- dumping -----------------------------------------------------------------------------

Result<std::string> LogDirectory::dump(const Range& range) {
  const auto found = loglets_.find(range.partition);
  if (found == loglets_.end()) {
    return fail(Code::not_found,
                "nothing of partition " + std::to_string(range.partition.raw()) + " is here");
  }
  std::string out;
  std::uint64_t left = range.most;
  for (const wal::LogletState& loglet : found->second) {
    TRY(more, dump_loglet(out, loglet, range, left));
    if (!more) break;
  }
  return out;
}

LogDirectory::Named LogDirectory::named(PartitionId partition, LogletId loglet) const {
  const auto found = chains_.find(partition);
  if (found == chains_.end()) return {};
  const log::Chain& chain = found->second.chain;
  const auto at = std::ranges::find(chain.loglets, loglet, &log::Loglet::id);
  if (at == chain.loglets.end()) return {};
  return {.loglet = &*at,
          .tail = log::tail_of(chain, static_cast<std::size_t>(at - chain.loglets.begin()))};
}

void LogDirectory::append_record(std::string& out, LogletId loglet, const Named& named,
                                 const wal::Record& record) const {
  {
    JsonObject line(out);
    line.number("loglet", loglet.raw());
    line.number("offset", record.offset.raw());
    if (named.loglet != nullptr) {
      const Lsn lsn = log::lsn_of(*named.loglet, record.offset);
      line.number("lsn", lsn.raw());
      if (named.tail != Lsn(0) && lsn >= named.tail) line.truth("beyond_tail", true);
    }
    put_record(line, record.bytes);
  }
  out += '\n';
}

// False when enough were shown.
Result<bool> LogDirectory::dump_loglet(std::string& out, const wal::LogletState& loglet,
                                       const Range& range, std::uint64_t& left) {
  wal::Wal& stream = stream_of(range.partition);
  const Named name = named(range.partition, loglet.loglet);
  Offset first = loglet.trim_point.next();
  if (name.loglet != nullptr && range.from > name.loglet->base) {
    first = std::max(first, Offset(1) + (range.from - name.loglet->base));
  }
  if (first > loglet.last) return true;
  const IntervalSet held = stream.held(loglet.loglet, first, loglet.last);
  for (const auto& [begin, end] : held.intervals()) {
    for (Offset at(begin); at <= Offset(end);) {
      TRY(records, stream.read(loglet.loglet, at, Offset(end), read_bytes));
      for (const wal::Record& record : records) {
        if (left == 0) return false;
        --left;
        append_record(out, loglet.loglet, name, record);
      }
      at = records.back().offset.next();
    }
  }
  return true;
}

}  // namespace perdure::node
