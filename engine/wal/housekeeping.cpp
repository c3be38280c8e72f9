// The housekeeper: keeps one segment ready, retires those that nobody wants, and moves
// the few frames that keep a file alive to the front of the stream.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/wal/wal.h"

namespace perdure::wal {

void Wal::rest_after_opening() {
  constexpr Duration look_again = std::chrono::milliseconds(20);
  const Instant rested = fibers_.now() + options_.rest_after_open;
  const auto roomy = [this] { return bytes_left(0) > segments_.current().capacity / 2; };
  while (!stopping_ && fibers_.now() < rested && roomy()) {
    if (!fibers_.sleep_until(std::min(rested, fibers_.now() + look_again))) return;
  }
}

void Wal::keep_house_forever() {
  rest_after_opening();
  prepare_pause_ = options_.retry_prepare;
  while (!stopping_ && !failure_) {
    Instant again = io::never;
    auto kept = keep_house();
    if (!kept) {
      again = fibers_.now() + prepare_pause_;
      prepare_pause_ = std::min(2 * prepare_pause_, options_.retry_prepare_max);
    }
    if (stopping_ || failure_ || house_has_work(kept.has_value())) continue;
    auto woken = house_.wait(again);
    if (!woken && woken.error().code == Code::cancelled) return;
  }
}

// Nothing parks between this look and the wait that follows, so no wake is lost.
bool Wal::house_has_work(bool went_well) const {
  return went_well && (oldest_is_dead() || worth_moving() || !full_one_is_ready());
}

Result<void> Wal::keep_house() {
  while (oldest_is_dead()) TRY_VOID(retire_oldest());
  const Result<void> prepared = prepare_next();
  if (!prepared && !is_full()) return prepared;
  // Without room above all: a few frames may keep the file that is wanted.
  if (worth_moving()) TRY_VOID(move_survivors());
  while (oldest_is_dead()) TRY_VOID(retire_oldest());
  return prepared;
}

// --- a segment stands ready ---

bool Wal::full_one_is_ready() const {
  for (std::size_t i = segments_.in_use(); i < segments_.all(); ++i) {
    if (segments_.at(i).capacity == options_.segment_bytes) return true;
  }
  return false;
}

Result<void> Wal::prepare_next() {
  if (full_one_is_ready()) return {};
  auto prepared = segments_.prepare(options_.segment_bytes);
  if (prepared) {
    if (no_next_) trace_.event(io::Level::info, "wal.room_again", {{"folder", options_.folder}});
    no_next_.reset();
    prepare_pause_ = options_.retry_prepare;
    return {};
  }
  no_whole_one(prepared.error());
  if (is_full() && !segments_.has_ready()) TRY_VOID(prepare_smaller());
  return prepared;
}

void Wal::no_whole_one(const Error& why) {
  const bool was_full = is_full(), news = !no_next_ || no_next_->code != why.code;
  no_next_ = why;
  if (news) {
    trace_.event(io::Level::warn, "wal.no_room",
                 {{"folder", options_.folder}, {"why", why.detail}});
  }
  if (is_full() && !was_full && options_.became_full) options_.became_full();
}

// Work goes on in it while the disk is looked at; a record that is too large for it waits.
Result<void> Wal::prepare_smaller() {
  TRY_VOID(segments_.prepare(options_.first_segment_bytes));
  prepare_pause_ = options_.retry_prepare;
  trace_.event(io::Level::info, "wal.smaller_segment",
               {{"folder", options_.folder}, {"bytes", segments_.next_ready().capacity}});
  return {};
}

// --- a segment goes ---

// Its seals, trims and tails are told again by the roster of the segment after it, so
// that roster has to be durable.
bool Wal::oldest_is_dead() const {
  if (segments_.in_use() < 2 || segments_.at(0).readers > 0) return false;
  return loglets_.live_in(segments_.at(0).number).frames == 0 &&
         durable_ > position_of(segments_.at(1).number, segment_head_bytes);
}

// What made it dead (a trim, a copy elsewhere) must be durable before it is gone.
Result<void> Wal::retire_oldest() {
  TRY_VOID(wait_durable(freed_at_));
  const std::uint32_t number = segments_.at(0).number;
  TRY_VOID(segments_.retire_oldest());
  trace_.event(io::Level::debug, "wal.segment.retired", {{"number", number}});
  return {};
}

// At most a quarter of what is on disk is wanted: then moving costs less than it frees.
bool Wal::worth_moving() const {
  if (segments_.in_use() < 4) return false;
  if (loglets_.live_in(segments_.at(0).number).frames == 0) return false;
  std::uint64_t capacity = 0;
  for (std::size_t i = 0; i < segments_.in_use(); ++i) capacity += segments_.at(i).capacity;
  return loglets_.live().bytes * 4 <= capacity;
}

Result<void> Wal::move_survivors() {
  const std::uint32_t oldest = segments_.at(0).number;
  for (const Loglets::Found& found : loglets_.found_in(oldest)) TRY_VOID(move_one(found));
  return {};
}

Result<void> Wal::move_one(const Loglets::Found& found) {
  if (loglets_.place_of(found.loglet, found.offset) != found.place) return {};
  // It frees a whole file if all that is left there finds a place, so then it may take what is
  // held back for that: what finishes work may have used up its own share.
  const std::uint64_t left = loglets_.live_in(found.place.segment).bytes;
  const Admission admission =
      bytes_left(0) >= left + sector_bytes ? Admission::reserved : Admission::finishing;
  if (auto room = admit(found.place.length, admission);
      !room && room.error().code == Code::retry_later) {
    TRY_VOID(wait_durable(freed_at_));
  }
  TRY(frame, fetch(found.place));
  if (loglets_.place_of(found.loglet, found.offset) != found.place) return {};  // gone meanwhile
  TRY_VOID(admit(frame.bytes.size(), admission));
  freed_at_ = put({.kind = frame.kind,
                   .loglet = found.loglet,
                   .offset = found.offset,
                   .bytes = frame.bytes,
                   .flags = moved});
  return {};
}

}  // namespace perdure::wal
