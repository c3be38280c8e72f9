#include "engine/control/raft_storage.h"

#include <algorithm>
#include <utility>

#include "engine/wire/codec.h"

namespace perdure::control {
namespace {

using wire::field;

constexpr std::size_t read_bytes = 1 << 20;
constexpr std::size_t frame_spare_bytes = 256;  // what an entry's own numbers take, at most
constexpr std::size_t part_bytes_max = 256 << 10;

// The forms on disk.  A number keeps its meaning for ever.
struct EntryRow {
  raft::Entry entry;
  Term previous_term;
  static constexpr auto fields = std::tuple(field(1, "entry", &EntryRow::entry),
                                            field(2, "previous_term", &EntryRow::previous_term));
};
struct PartRow {
  std::uint64_t number = 0, parts = 0;  // 0 .. parts - 1
  raft::Snapshot part;                  // with only these bytes of it
  static constexpr auto fields =
      std::tuple(field(1, "number", &PartRow::number), field(2, "parts", &PartRow::parts),
                 field(3, "part", &PartRow::part));
};

}  // namespace

// --- what was kept -----------------------------------------------------------------------

Result<std::optional<raft::Saved>> RaftStorage::load() {
  TRY(ballot, load_ballot());
  TRY(snapshot, load_snapshot());
  const Index after = snapshot ? snapshot->last : Index(0);
  TRY(entries, load_entries(after, snapshot ? snapshot->term : Term(0)));
  snapshot_last_ = after;
  if (last_ballot_ == Offset(0) && !snapshot && entries.empty()) {
    return std::optional<raft::Saved>();
  }
  raft::Saved saved{
      .ballot = ballot, .snapshot = std::move(snapshot), .entries = std::move(entries)};
  TRY_VOID(raft::check(saved));
  return std::optional(std::move(saved));
}

Result<raft::Ballot> RaftStorage::load_ballot() {
  const auto found = wal_.find(loglets_.ballots);
  if (!found || found->last == found->trim_point) return raft::Ballot();
  last_ballot_ = found->last;
  TRY(records, wal_.read(loglets_.ballots, found->last, found->last, read_bytes));
  return wire::decode<raft::Ballot>(records.at(0).bytes);
}

// The last of which all parts are there.
Result<std::optional<raft::Snapshot>> RaftStorage::load_snapshot() {
  std::optional<raft::Snapshot> whole, gathering;
  std::uint64_t next = 0;
  const auto found = wal_.find(loglets_.snapshots);
  if (!found) return whole;
  last_part_ = found->last;
  for (Offset at = found->trim_point; at < found->last;) {
    TRY(records, wal_.read(loglets_.snapshots, at.next(), found->last, read_bytes));
    for (const wal::Record& record : records) {
      TRY(row, wire::decode<PartRow>(record.bytes));
      at = record.offset;
      if (row.number != 0 && (!gathering || row.number != next)) continue;
      if (row.number == 0) {
        gathering = std::move(row.part);
      } else {
        gathering->bytes += row.part.bytes;
      }
      next = row.number + 1;
      if (next == row.parts) whole = std::exchange(gathering, std::nullopt);
    }
  }
  return whole;
}

Result<std::vector<raft::Entry>> RaftStorage::load_entries(Index after, Term term) {
  std::vector<raft::Entry> entries;
  const auto found = wal_.find(loglets_.entries);
  if (!found) return entries;
  last_entry_ = Index(found->last.raw());
  for (Offset at(after.raw()); at < found->last;) {
    TRY(records, wal_.read(loglets_.entries, at.next(), found->last, read_bytes));
    for (const wal::Record& record : records) {
      TRY(row, wire::decode<EntryRow>(record.bytes));
      if (row.entry.index.raw() != record.offset.raw()) {
        return fail(Code::corrupt, "a Raft entry stands in another's place");
      }
      if (row.previous_term != term) return entries;  // left over: the log was cut before it
      at = record.offset;
      term = row.entry.term;
      entries.push_back(std::move(row.entry));
    }
  }
  return entries;
}

// --- what is kept ------------------------------------------------------------------------

Result<wal::Position> RaftStorage::put(LogletId loglet, Offset offset, const std::string& bytes) {
  return wal_.append({.loglet = loglet,
                      .offset = offset,
                      .bytes = bytes,
                      .admission = wal::Admission::reserved,
                      .kind = wal::Kind::metadata});
}

Result<wal::Position> RaftStorage::save(const raft::Ballot& ballot) {
  TRY(position, put(loglets_.ballots, last_ballot_.next(), wire::encode(ballot)));
  last_ballot_ = last_ballot_.next();
  if (last_ballot_ > Offset(1)) TRY_VOID(wal_.trim(loglets_.ballots, last_ballot_.prev()));
  return position;
}

Result<wal::Position> RaftStorage::append(Term after, const std::vector<raft::Entry>& entries) {
  wal::Position position;
  bool overwrites = false;
  for (const raft::Entry& entry : entries) {
    const EntryRow row{.entry = entry, .previous_term = std::exchange(after, entry.term)};
    overwrites = overwrites || entry.index <= last_entry_;
    TRY(at, put(loglets_.entries, Offset(entry.index.raw()), wire::encode(row)));
    position = at;
    last_entry_ = std::max(last_entry_, entry.index);
  }
  // A frame that was written over frees its segment; this one sees that the segment stays
  // until what replaced it is durable.
  if (overwrites) TRY_VOID(wal_.trim(loglets_.entries, Offset(snapshot_last_.raw())));
  return position;
}

Result<wal::Position> RaftStorage::keep(const raft::Snapshot& snapshot) {
  const std::size_t part_bytes = std::min<std::size_t>(part_bytes_max, wal_.record_bytes_max() / 2);
  const std::uint64_t parts =
      std::max<std::uint64_t>(1, (snapshot.bytes.size() + part_bytes - 1) / part_bytes);
  if (!keeping_ || keeping_->last != snapshot.last || keeping_->term != snapshot.term) {
    keeping_ = Keeping{.last = snapshot.last, .term = snapshot.term, .before = last_part_};
  }
  wal::Position position;
  for (std::uint64_t& number = keeping_->next; number < parts; ++number) {
    PartRow row{.number = number, .parts = parts};
    row.part = {.last = snapshot.last,
                .term = snapshot.term,
                .configuration = snapshot.configuration,
                .bytes = snapshot.bytes.substr(number * part_bytes, part_bytes)};
    TRY(at, put(loglets_.snapshots, last_part_.next(), wire::encode(row)));
    last_part_ = last_part_.next();
    position = at;
  }
  const Offset before = std::exchange(keeping_, std::nullopt)->before;
  if (before > Offset(0)) TRY_VOID(wal_.trim(loglets_.snapshots, before));
  snapshot_last_ = snapshot.last;
  if (snapshot.last > Index(0)) {
    TRY_VOID(wal_.trim(loglets_.entries, Offset(snapshot.last.raw())));
  }
  return position;
}

std::size_t RaftStorage::command_bytes_max() const {
  return wal_.record_bytes_max() - frame_spare_bytes;
}

}  // namespace perdure::control
