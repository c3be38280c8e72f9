// engine/log/loglet_store.h
//
// One node's copies of loglets, all those of one WAL stream: what copy.h decides, done.
//
//     a writer here ────────────── straight into the Wal ─┐
//     writers elsewhere ── offer ──► judge (copy.h) ──────┼──► Wal ──► durable
//     repairers ────────── offer ──► judge ───────────────┘      │
//     sealers, readers ─── seal, tail, digest, read ◄────────────┘
//
// Durable are seals, records, trims, and that a later loglet is known.  Not durable, and
// only ever too low after a restart: what a writer said is committed.
//
// A seal is told to the writer of this node in the turn in which it comes, before it is
// durable and before anybody is answered: whatever is not committed in that turn never is
// told to be.  That order is what keeps an acknowledgement from landing above a sealed tail
// (restate #2094).
//
// Dropping forgets a loglet, seal and all; so the one that came after it is made known
// first, durably: from then on the forgotten one's writer finds nobody (copy.h, replaced).
//
// A disk that fails takes no more; what is on it is still read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/copy.h"
#include "engine/log/messages.h"
#include "engine/wal/wal.h"

namespace perdure::log {

// Told in the turn in which it became true; may append, may not park.
class CopyWatcher {
 public:
  virtual ~CopyWatcher() = default;
  virtual void durable(LogletId loglet, Offset last) = 0;
  virtual void sealed(LogletId loglet) = 0;
  virtual void failed(LogletId loglet, const Error& why) = 0;
};

class LogletStore {
 public:
  // `lost_data`: this disk is not the one it was, and lacks what others think it has.
  LogletStore(wal::Wal& wal, io::Fibers& fibers, io::Trace& trace, bool lost_data = false);
  ~LogletStore();
  LogletStore(const LogletStore&) = delete;
  LogletStore& operator=(const LogletStore&) = delete;

  wal::Wal& wal() { return wal_; }
  bool lost_data() const { return lost_data_; }
  void regained_data() { lost_data_ = false; }  // every copy that it should have is back

  // For the loglet of that writer, who may be here or elsewhere; one watcher for a loglet.
  void watch(LogletId loglet, const Writer& writer, CopyWatcher& watcher);
  void unwatch(LogletId loglet, const CopyWatcher& watcher);
  // The writer of this node, of its own loglet: what readers elsewhere may be told.
  void committed(LogletId loglet, Offset last);

  struct Taken {
    Verdict verdict = Verdict::take;
    wal::Position at;  // of the last record that was new; all are durable when it is
  };
  // Never parks.  Errors: those of Wal::append; then some of the first may have been taken.
  Result<Taken> offer(LogletId loglet, const Offer& offer,
                      std::span<const std::string_view> records);

  // Takes no more from writers from this turn on; the seal is durable once the position is.
  // Errors: those of Wal::seal, and then it is closed all the same.
  Result<wal::Position> begin_seal(LogletId loglet);
  // Parks until it is durable.
  Result<TailReply> seal(LogletId loglet, Instant deadline);
  TailReply tail(LogletId loglet) const;
  // Parks until more is committed than `beyond`, or nothing ever will be, or time is up.
  Result<TailReply> wait_tail(LogletId loglet, Offset beyond, Instant deadline);
  DigestReply digest(LogletId loglet, Offset first, Offset last) const;
  // From `first` up to `last` or a hole; parks when they have left memory.
  Result<ReadReply> read(const ReadAsk& ask);
  Result<void> trim(LogletId loglet, Offset point);
  Result<void> drop(LogletId loglet, LogletId successor);

  Copy copy(LogletId loglet) const;

 private:
  struct Entry;

  Entry* find(LogletId loglet) const;
  Entry& entry(LogletId loglet);
  void close(Entry& known);
  bool knows_later(LogletId loglet) const;
  bool seal_is_durable(LogletId loglet) const;

  wal::Wal& wal_;
  io::Fibers& fibers_;
  io::Trace& trace_;
  bool lost_data_;
  std::map<LogletId, std::unique_ptr<Entry>> entries_;
};

}  // namespace perdure::log
