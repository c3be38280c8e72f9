// engine/wal/wal.h
//
// One shard's append-only stream: all records of all its loglets, its seals and trims and
// the control room's metadata, in the order in which they came, under one sync.
//
//     append()  ─► [ batch that gathers ]  ─ turn's end, the one before is done ─►
//                  [ batch being written and synced ]  ─► durable()  ─► listeners
//
//     positions        ... durable  |  in flight  |  gathering
//                                 durable()                  head
//
//     one batch in flight          so all before a batch is durable when it is written
//     read() returns what append() took, durable or not: bound yourself by durable()
//     what append() took has a place on disk that stands ready: it cannot meet "full"
//
// There is no timer: a batch waits for the batch before it and for the end of the turn,
// never longer, so one append alone costs one sync, and a thousand cost one sync more.
//
// Admission.  Bytes are held back: the last for what frees space (trims, drops), those
// before it for what ends work (seals, metadata, announcements), those before these for
// what finishes work that exists (responses, timers, deliveries).  New work is refused
// first, else a full disk could never be trimmed.
//
// A write or sync that fails ends it (fail-safe): the bytes are in doubt for ever, so
// nothing after them is acknowledged by this process; reads go on.  Restarting recovers.
//
// In     append(), seal(), trim() by engine/log and engine/control; io::Disk
// Out    positions that became durable, in order; records by (loglet, offset)
// Not    what a loglet's offsets mean to whom, quorums, LSNs: engine/log
//
// Read   frame.h     bytes on disk, and why an old frame never verifies
//        recovery.h  torn tail or rot
//        segments.h  files, recycled
//        loglets.h   the index
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/interval_set.h"
#include "engine/base/result.h"
#include "engine/io/disk.h"
#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/wal/frame.h"
#include "engine/wal/loglets.h"
#include "engine/wal/old_frames.h"
#include "engine/wal/recovery.h"
#include "engine/wal/ring.h"
#include "engine/wal/segments.h"
#include "engine/wal/tail_memory.h"

namespace perdure::wal {

struct Options {
  std::string folder = "wal/0";
  std::uint64_t stream_id = 0;  // random, from the storage marker: seeds every check

  std::uint32_t segment_bytes = 64 << 20;
  // Of a new stream, which should start at once, and of a disk with no room for a whole one.  As
  // much of the disk is left to others.
  std::uint32_t first_segment_bytes = 4 << 20;
  std::uint64_t bytes_max = std::uint64_t{256} << 30;  // on disk
  std::uint32_t batch_bytes_max = 1 << 20;             // a larger record makes a batch of its own
  std::uint32_t unsynced_bytes_max = 16 << 20;         // gathered and in flight
  std::uint64_t memory_bytes = 16 << 20;               // of the newest frames
  std::uint32_t read_window_bytes = 512 << 10;         // of older ones
  std::uint32_t read_windows = 8;
  // Held back from ordinary appends, and from finishing ones; at most an eighth of the
  // current segment each.
  std::uint32_t finishing_reserve_bytes = 8 << 20;
  std::uint32_t last_reserve_bytes = 8 << 20;
  // After opening, unless half of the current segment is used: whoever opened us waits for
  // syncs of its own, and writing the next segment would be in their way.
  Duration rest_after_open = std::chrono::milliseconds(0);
  // After a segment could not be made: at first, then twice as long each time, and at most.
  Duration retry_prepare = std::chrono::milliseconds(250);
  Duration retry_prepare_max = std::chrono::seconds(2);
  std::function<void()> became_full;  // called in the turn in which is_full() begins; may be empty
};

// A segment has room for the largest record and for what is held back from it.
inline constexpr std::uint32_t record_bytes_max_of(std::uint64_t segment_bytes) {
  return static_cast<std::uint32_t>(segment_bytes / 8 * 5);
}

enum class Admission {
  ordinary,   // new work
  finishing,  // ends or moves work that exists: responses, timers, outbox deliveries
  reserved,   // keeps the system whole: seals, durability, announce, metadata
  freeing,    // frees space: trims, drops.  Nothing else may take the last of it
};

struct Entry {
  LogletId loglet;
  Offset offset;
  std::string_view bytes;  // copied once
  Admission admission = Admission::ordinary;
  Kind kind = Kind::record;  // or metadata
};

struct Record {
  Offset offset;
  std::string bytes;
};

// Told in the turn in which it became true, by the flusher's fiber; may append, may not park.
class Listener {
 public:
  virtual ~Listener() = default;
  // Every record of the loglet up to `last` that was appended here is durable.
  virtual void durable(LogletId loglet, Offset last) = 0;
  // Fail-safe: what is not durable now will never be told so.
  virtual void failed(const Error& why) = 0;
};

class Wal {
 public:
  // Parks: finds what is there, or begins a new stream.  Errors: corrupt, naming the place;
  // invalid, another version; full; failed.
  static Result<std::unique_ptr<Wal>> open(io::Disk& disk, io::Fibers& fibers, io::Trace& trace,
                                           Options options);
  ~Wal();
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  // None of these parks.  The frame is durable once its position is less than durable().
  // Errors: retry_later (too much unsynced, or the next segment is being made), full,
  // invalid (too large), failed (fail-safe).
  Result<Position> append(const Entry& entry);
  Result<Position> seal(LogletId loglet, std::string_view why = {});
  // `last` is the last that is to be gone; readers see the gap at once.
  Result<Position> trim(LogletId loglet, Offset last);
  Result<Position> drop(LogletId loglet);
  // Would append() take that many bytes now?  The same errors.
  Result<void> admit(std::size_t bytes, Admission admission) const;

  Position durable() const { return durable_; }
  Position head() const { return head_; }  // where the next frame may go at the earliest
  // Errors: timed_out, cancelled, failed.
  Result<void> wait_durable(Position position, Instant deadline = io::never);
  void listen(LogletId loglet, Listener& listener) { listeners_[loglet] = &listener; }
  void unlisten(LogletId loglet) { listeners_.erase(loglet); }
  bool failed() const { return failure_.has_value(); }
  // The next segment could not be made for want of room.  What is ready is still used.
  bool is_full() const { return no_next_ && no_next_->code == Code::full; }

  // Records [from, to] as far as they are here without a hole, about `bytes_max` of them
  // and one at least.  Parks when they have left memory.  Errors: not_found (trimmed, or
  // no such offset here), corrupt, failed, cancelled.
  Result<std::vector<Record>> read(LogletId loglet, Offset from, Offset to, std::size_t bytes_max);

  std::optional<LogletState> find(LogletId loglet) const { return loglets_.find(loglet); }
  std::vector<LogletState> loglets() const { return loglets_.all(); }
  std::optional<LogletId> loglet_after(LogletId loglet) const { return loglets_.after(loglet); }
  std::uint64_t missing(LogletId loglet) const { return loglets_.missing(loglet); }
  // Is it here?  Appended, not trimmed; durable or not.
  bool holds(LogletId loglet, Offset offset) const {
    return loglets_.place_of(loglet, offset).segment != 0;
  }
  // The offsets of [first, last] that are here, durably.
  IntervalSet held(LogletId loglet, Offset first, Offset last) const;
  std::uint32_t record_bytes_max() const { return record_bytes_max_of(options_.segment_bytes); }
  std::uint64_t disk_bytes() const { return segments_.bytes(); }
  std::uint64_t live_bytes() const { return loglets_.live().bytes; }  // of records here
  const Recovered& recovered() const { return recovered_; }

  // Writes what has gathered, then ends the fibers.  Parks.
  void stop();
  void check_invariants() const;

 private:
  struct Touched {
    LogletId loglet;
    Offset last;
  };
  struct Batch {
    Position begin;
    std::uint32_t end = 0;         // byte after its last frame
    std::uint32_t last_frame = 0;  // byte of it
    bool closed = false;
    std::vector<Touched> touched;
  };

  Wal(io::Disk& disk, io::Fibers& fibers, io::Trace& trace, Options options);
  Result<void> start();

  // --- appending (wal.cpp) ---
  struct Frame {
    Kind kind = Kind::record;
    LogletId loglet;
    Offset offset;
    std::string_view bytes;
    std::uint8_t flags = 0;
  };
  Position put(const Frame& frame);
  Position put_here(const Frame& frame);
  bool fits_here(std::uint32_t bytes) const;
  bool fits_in_a_ready_one(std::uint32_t bytes) const;
  std::uint64_t bytes_left(std::uint32_t wanted) const;
  std::uint32_t held_back(Admission admission) const;
  std::uint32_t roster_bytes() const;
  std::unexpected<Error> no_room() const;
  void begin_batch(std::uint32_t first_frame_bytes);
  void close_batch(Batch& batch);
  bool batch_is_open() const { return !batches_.empty() && !batches_.back().closed; }
  void roll();
  static void touch(Batch& batch, LogletId loglet, Offset last);
  Result<OldFrames::Frame> fetch(Place place);

  // --- flushing (flush.cpp) ---
  void flush_forever();
  Result<void> flush_one();
  void tell(const std::vector<Touched>& touched);
  void fail_safe(const Error& why);

  // --- keeping house (housekeeping.cpp) ---
  void keep_house_forever();
  void rest_after_opening();
  Result<void> keep_house();
  bool house_has_work(bool went_well) const;
  bool full_one_is_ready() const;
  Result<void> retire_oldest();
  Result<void> move_survivors();
  Result<void> move_one(const Loglets::Found& found);
  Result<void> prepare_next();
  Result<void> prepare_smaller();
  void no_whole_one(const Error& why);
  bool oldest_is_dead() const;
  bool worth_moving() const;

  io::Disk& disk_;
  io::Fibers& fibers_;
  io::Trace& trace_;
  const Options options_;

  Segments segments_;
  Loglets loglets_;
  TailMemory memory_;
  OldFrames old_frames_;
  Recovered recovered_;

  Position head_;
  Position durable_;
  Position freed_at_;                    // position of the last frame that set something free
  Ring<Batch> batches_;                  // the front one may be in flight, the last one may be open
  std::vector<Touched> touched_unused_;  // its memory is
  std::uint64_t unsynced_bytes_ = 0;
  std::optional<Error> failure_;
  std::optional<Error> no_next_;  // why the next segment could not be made
  Duration prepare_pause_{};      // before that is tried again
  bool stopping_ = false;

  std::map<LogletId, Listener*> listeners_;
  io::Event work_;          // for the flusher
  io::Event house_;         // for the housekeeper
  io::Event durable_grew_;  // or failed
  std::uint32_t waiting_ = 0;
  io::Group group_;
};

}  // namespace perdure::wal
