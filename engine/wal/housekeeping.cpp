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
  while (!stopping_ && !failure_) {
    Instant again = io::never;
    auto kept = keep_house();
    if (!kept) again = fibers_.now() + options_.retry_prepare;
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
  TRY_VOID(prepare_next());
  if (worth_moving()) TRY_VOID(move_survivors());
  while (oldest_is_dead()) TRY_VOID(retire_oldest());
  return {};
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
    return {};
  }
  if (!no_next_ || no_next_->code != prepared.error().code) {
    trace_.event(io::Level::warn, "wal.no_room",
                 {{"folder", options_.folder}, {"why", prepared.error().detail}});
  }
  no_next_ = prepared.error();
  return prepared;
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
  if (auto room = admit(found.place.length, Admission::finishing);
      !room && room.error().code == Code::retry_later) {
    TRY_VOID(wait_durable(freed_at_));
  }
  TRY(frame, fetch(found.place));
  if (loglets_.place_of(found.loglet, found.offset) != found.place) return {};  // gone meanwhile
  TRY_VOID(admit(frame.bytes.size(), Admission::finishing));
  freed_at_ = put({.kind = frame.kind,
                   .loglet = found.loglet,
                   .offset = found.offset,
                   .bytes = frame.bytes,
                   .flags = moved});
  return {};
}

}  // namespace perdure::wal
