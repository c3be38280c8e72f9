// engine/control/raft_storage.h
//
// What a member of the metadata group keeps, in its shard's WAL stream: three loglets whose
// frames are of kind metadata, under the one sync that everything there shares.
//
//     ballots     1, 2, 3 ...    each replaces the one before, which is trimmed
//     entries     offset = index of the Raft log
//     snapshots   parts, one after the other; what is before the last whole one is trimmed
//
//     one stream, so what a crash leaves is a prefix of what was written, in order
//
// A loglet cannot be cut at its right end: when a leader overwrites entry 5 of ours, the old
// entries 6, 7 stay on disk.  So each entry is kept with the term of the one before it; at
// recovery the log ends where that does not fit.  What fits is a log that was once ours: by
// log matching an entry and its term name all that comes before it (Raft §5.3).
//
// Not here   when to write, what it means: engine/raft, raft_metadata.h
#pragma once

#include <optional>

#include "engine/raft/raft.h"
#include "engine/wal/wal.h"

namespace perdure::control {

struct RaftLoglets {
  LogletId entries = LogletId(UINT64_MAX - 2);  // nobody else has these
  LogletId ballots = LogletId(UINT64_MAX - 3);
  LogletId snapshots = LogletId(UINT64_MAX - 4);
};

class RaftStorage {
 public:
  explicit RaftStorage(wal::Wal& wal, RaftLoglets loglets = {}) : wal_(wal), loglets_(loglets) {}

  // What was kept; nothing when nothing ever was.  Parks.  Errors: corrupt, failed, cancelled.
  Result<std::optional<raft::Saved>> load();

  // None of these parks.  Everything given is durable when the WAL is durable beyond the
  // position.  After an error the same may be asked again.  Errors: the WAL's.
  Result<wal::Position> save(const raft::Ballot&);
  // `after` is the term of the entry before the first one.
  Result<wal::Position> append(Term after, const std::vector<raft::Entry>&);
  // A snapshot stands for the entries up to its last; of those after it, the ones that fit.
  // After retry_later the same snapshot goes on where it stopped; another begins anew.
  Result<wal::Position> keep(const raft::Snapshot&);

  // Bytes of the largest command that append() takes.
  std::size_t command_bytes_max() const;
  const RaftLoglets& loglets() const { return loglets_; }

 private:
  Result<raft::Ballot> load_ballot();
  Result<std::optional<raft::Snapshot>> load_snapshot();
  Result<std::vector<raft::Entry>> load_entries(Index after, Term term);
  Result<wal::Position> put(LogletId, Offset, const std::string& bytes);

  struct Keeping {
    Index last;
    Term term;
    std::uint64_t next = 0;  // part
    Offset before;           // parts that it replaces
  };

  wal::Wal& wal_;
  const RaftLoglets loglets_;
  std::optional<Keeping> keeping_;  // a snapshot of which some parts are written
  Offset last_ballot_, last_part_;
  Index last_entry_;     // the highest that ever was, still ours or not
  Index snapshot_last_;  // entries up to it are trimmed
};

}  // namespace perdure::control
