#include "engine/wal/wal.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace perdure::wal {
namespace {

constexpr std::uint32_t segment_bytes_min = 8 << 10;

// What stays free behind every frame: the next batch begins at a sector, so does the one
// with the end frame, and that is one sector itself.
constexpr std::uint32_t end_room_bytes = 3 * sector_bytes;

Options in_whole_sectors(Options options) {
  CHECK(options.segment_bytes >= segment_bytes_min);
  CHECK(options.first_segment_bytes >= segment_bytes_min);
  options.segment_bytes = round_up(options.segment_bytes, sector_bytes);
  options.first_segment_bytes =
      std::min(round_up(options.first_segment_bytes, sector_bytes), options.segment_bytes);
  return options;
}

}  // namespace

Result<std::unique_ptr<Wal>> Wal::open(io::Disk& disk, io::Fibers& fibers, io::Trace& trace,
                                       Options options) {
  std::unique_ptr<Wal> wal(new Wal(disk, fibers, trace, in_whole_sectors(std::move(options))));
  TRY_VOID(wal->start());
  return wal;
}

Wal::Wal(io::Disk& disk, io::Fibers& fibers, io::Trace& trace, Options options)
    : disk_(disk),
      fibers_(fibers),
      trace_(trace),
      options_(std::move(options)),
      segments_(disk, {.folder = options_.folder,
                       .stream_id = options_.stream_id,
                       .bytes_max = options_.bytes_max,
                       .left_to_others_bytes = options_.first_segment_bytes}),
      memory_(options_.memory_bytes, options_.batch_bytes_max + sector_bytes),
      old_frames_(fibers, options_.stream_id, options_.read_window_bytes, options_.read_windows),
      work_(fibers),
      house_(fibers),
      durable_grew_(fibers),
      group_(fibers) {}

Wal::~Wal() = default;

Result<void> Wal::start() {
  TRY_VOID(segments_.load());
  if (segments_.all() == 0) {
    TRY_VOID(segments_.prepare(options_.first_segment_bytes));
    segments_.use_first(1);
    recovered_.head = position_of(segments_.current().number, segment_head_bytes);
  } else {
    TRY(recovered, recover(segments_, loglets_, options_.stream_id));
    recovered_ = recovered;
  }
  head_ = durable_ = recovered_.head;
  if (!segments_.has_ready() && bytes_left(0) < 2 * held_back(Admission::ordinary)) {
    // Who opens us seals and announces at once, and should not have to wait for it.
    auto prepared = segments_.prepare(options_.first_segment_bytes);
    if (!prepared) no_next_ = prepared.error();
  }
  trace_.event(io::Level::info, "wal.opened",
               {{"folder", options_.folder},
                {"segments", segments_.all()},
                {"frames", recovered_.frames},
                {"loglets", loglets_.size()},
                {"torn_bytes", recovered_.zeroed_bytes}});
  group_.start("wal.flusher", [this] { flush_forever(); });
  group_.start("wal.housekeeper", [this] { keep_house_forever(); });
  return {};
}

void Wal::stop() {
  stopping_ = true;
  work_.notify_all();
  group_.stop();
}

// --- what comes in ---

Result<Position> Wal::append(const Entry& entry) {
  CHECK(entry.offset != Offset(0));
  CHECK(entry.kind == Kind::record || entry.kind == Kind::metadata);
  TRY_VOID(admit(entry.bytes.size(), entry.admission));
  return put(
      {.kind = entry.kind, .loglet = entry.loglet, .offset = entry.offset, .bytes = entry.bytes});
}

Result<Position> Wal::seal(LogletId loglet, std::string_view why) {
  TRY_VOID(admit(why.size(), Admission::reserved));
  return put({.kind = Kind::seal, .loglet = loglet, .bytes = why});
}

Result<Position> Wal::trim(LogletId loglet, Offset last) {
  TRY_VOID(admit(0, Admission::freeing));
  freed_at_ = put({.kind = Kind::trim, .loglet = loglet, .offset = last});
  if (oldest_is_dead() || worth_moving()) house_.notify_all();
  return freed_at_;
}

Result<Position> Wal::drop(LogletId loglet) {
  TRY_VOID(admit(0, Admission::freeing));
  freed_at_ = put({.kind = Kind::drop, .loglet = loglet});
  if (oldest_is_dead() || worth_moving()) house_.notify_all();
  return freed_at_;
}

// --- is there room? ---

Result<void> Wal::admit(std::size_t bytes, Admission admission) const {
  if (failure_) return fail(Code::failed, failure_->detail);
  if (bytes > record_bytes_max()) {
    return fail(Code::invalid, "a record of " + std::to_string(bytes) + " bytes, the limit is " +
                                   std::to_string(record_bytes_max()));
  }
  const std::uint32_t wanted = frame_bytes(static_cast<std::uint32_t>(bytes));
  const bool may_wait = admission == Admission::ordinary || admission == Admission::finishing;
  if (may_wait && unsynced_bytes_ > 0 && unsynced_bytes_ + wanted > options_.unsynced_bytes_max) {
    return fail(Code::retry_later,
                std::to_string(unsynced_bytes_) + " bytes wait for the disk already");
  }
  if (!fits_here(wanted) && !fits_in_a_ready_one(wanted)) return no_room();
  if (bytes_left(wanted) < std::uint64_t{wanted} + held_back(admission)) return no_room();
  return {};
}

std::unexpected<Error> Wal::no_room() const {
  if (!no_next_) return fail(Code::retry_later, "the next segment is being made");
  if (no_next_->code == Code::full) return fail(Code::full, no_next_->detail);
  return fail(Code::retry_later, "no next segment: " + no_next_->detail);
}

bool Wal::fits_here(std::uint32_t bytes) const {
  const Segment& current = segments_.at(segments_.in_use() - 1);
  const std::uint32_t before =
      byte_of(head_) == segment_head_bytes && !batch_is_open() ? roster_bytes() : 0;
  return std::uint64_t{byte_of(head_)} + before + bytes + end_room_bytes <= current.capacity;
}

bool Wal::fits_in_a_ready_one(std::uint32_t bytes) const {
  const std::uint64_t wanted =
      std::uint64_t{segment_head_bytes} + roster_bytes() + bytes + end_room_bytes;
  for (std::size_t i = segments_.in_use(); i < segments_.all(); ++i) {
    if (wanted <= segments_.at(i).capacity) return true;
  }
  return false;
}

// Of the current segment, when a frame of `wanted` bytes goes there, and of those ready.
std::uint64_t Wal::bytes_left(std::uint32_t wanted) const {
  std::uint64_t left = 0;
  if (fits_here(wanted)) {
    const Segment& current = segments_.at(segments_.in_use() - 1);
    left += current.capacity - byte_of(head_) - end_room_bytes;
  }
  const std::uint32_t lost = segment_head_bytes + roster_bytes() + end_room_bytes;
  for (std::size_t i = segments_.in_use(); i < segments_.all(); ++i) {
    const std::uint32_t capacity = segments_.at(i).capacity;
    if (capacity > lost) left += capacity - lost;
  }
  return left;
}

std::uint32_t Wal::held_back(Admission admission) const {
  const std::uint32_t eighth = segments_.at(segments_.in_use() - 1).capacity / 8;
  const std::uint32_t last = std::min(options_.last_reserve_bytes, eighth);
  switch (admission) {
    case Admission::ordinary: return last + std::min(options_.finishing_reserve_bytes, eighth);
    case Admission::finishing: return last;
    case Admission::reserved: return last / 4;
    case Admission::freeing: return 0;
  }
  UNREACHABLE();
}

std::uint32_t Wal::roster_bytes() const {
  // One more: the frame that is asked about may bring a new loglet.
  return frame_bytes(static_cast<std::uint32_t>(loglets_.size() + 1) * roster_line_bytes);
}

// --- into the batch that gathers ---

Position Wal::put(const Frame& frame) {
  const std::uint32_t bytes = frame_bytes(static_cast<std::uint32_t>(frame.bytes.size()));
  while (!fits_here(bytes)) roll();
  if (byte_of(head_) == segment_head_bytes && !batch_is_open()) {
    put_here({.kind = Kind::roster, .bytes = encode_roster(loglets_.roster())});
  }
  return put_here(frame);
}

Position Wal::put_here(const Frame& frame) {
  const std::uint32_t bytes = frame_bytes(static_cast<std::uint32_t>(frame.bytes.size()));
  if (batch_is_open()) {
    Batch& open = batches_.back();
    const std::uint64_t grown = std::uint64_t{open.end} - byte_of(open.begin) + bytes;
    if (grown > options_.batch_bytes_max || !memory_.continues(head_, bytes + sector_bytes)) {
      close_batch(open);
    }
  }
  if (!batch_is_open()) begin_batch(bytes);

  Batch& batch = batches_.back();
  const Position at = head_;
  const Header header{.kind = frame.kind,
                      .flags = frame.flags,
                      .since_durable = batch.end - byte_of(batch.begin),
                      .loglet = frame.loglet,
                      .offset = frame.offset};
  put_frame(memory_.extend(at, bytes), header, frame.bytes);
  batch.last_frame = batch.end;
  batch.end += bytes;
  head_ = position_of(segment_of(at), batch.end);
  unsynced_bytes_ += bytes;

  const auto known = loglets_.apply(header, frame.bytes,
                                    {.segment = segment_of(at),
                                     .byte = byte_of(at),
                                     .length = static_cast<std::uint32_t>(frame.bytes.size())});
  CHECK(known.has_value());
  const bool tells =
      (frame.kind == Kind::record || frame.kind == Kind::metadata) && (frame.flags & moved) == 0;
  if (tells) touch(batch, frame.loglet, frame.offset);
  work_.notify_one();
  return at;
}

// From the back: neighbours are often of one loglet, and a batch knows few.
void Wal::touch(Batch& batch, LogletId loglet, Offset last) {
  const auto found = std::find_if(batch.touched.rbegin(), batch.touched.rend(),
                                  [&](const Touched& t) { return t.loglet == loglet; });
  if (found == batch.touched.rend()) {
    batch.touched.push_back({.loglet = loglet, .last = last});
  } else {
    found->last = std::max(found->last, last);
  }
}

void Wal::begin_batch(std::uint32_t first_frame_bytes) {
  if (!memory_.continues(head_, first_frame_bytes + sector_bytes)) {
    memory_.begin_block(head_, first_frame_bytes + sector_bytes);
  }
  batches_.push_back({.begin = head_,
                      .end = byte_of(head_),
                      .last_frame = byte_of(head_),
                      .touched = std::exchange(touched_unused_, {})});
}

void Wal::close_batch(Batch& batch) {
  const std::uint32_t segment = segment_of(batch.begin);
  mark_last(memory_.find(position_of(segment, batch.last_frame), header_bytes));
  const std::uint32_t padding = round_up(batch.end, sector_bytes) - batch.end;
  if (padding > 0) {
    std::memset(memory_.extend(position_of(segment, batch.end), padding), 0, padding);
  }
  batch.closed = true;
  head_ = position_of(segment, batch.end + padding);
}

// The current segment ends; admit() has seen that one stands ready.
void Wal::roll() {
  const std::uint32_t next = segments_.next_ready().number;
  put_here({.kind = Kind::end, .offset = Offset(next)});
  close_batch(batches_.back());
  segments_.take_ready();
  head_ = position_of(next, segment_head_bytes);
  house_.notify_all();
  trace_.event(io::Level::debug, "wal.segment.begun", {{"number", next}});
}

// --- what goes out ---

Result<void> Wal::wait_durable(Position position, Instant deadline) {
  while (position >= durable_) {
    if (failure_) return fail(Code::failed, failure_->detail);
    ++waiting_;
    auto woken = durable_grew_.wait(deadline);
    --waiting_;
    if (!woken) return woken;
  }
  return {};
}

Result<std::vector<Record>> Wal::read(LogletId loglet, Offset from, Offset to,
                                      std::size_t bytes_max) {
  std::vector<Record> records;
  std::size_t bytes = 0;
  for (Offset offset = from; offset <= to && (records.empty() || bytes < bytes_max);
       offset = offset.next()) {
    const Place place = loglets_.place_of(loglet, offset);
    if (place.segment == 0) {
      if (!records.empty()) break;
      return fail(Code::not_found, "loglet " + std::to_string(loglet.raw()) + " has no offset " +
                                       std::to_string(offset.raw()) + " here");
    }
    TRY(frame, fetch(place));
    records.push_back({.offset = offset, .bytes = std::string(frame.bytes)});
    bytes += frame.bytes.size();
  }
  return records;
}

IntervalSet Wal::held(LogletId loglet, Offset first, Offset last) const {
  IntervalSet held;
  const auto state = loglets_.find(loglet);
  if (!state) return held;
  first = std::max(first, state->trim_point.next());
  last = std::min(last, state->last);
  for (Offset offset = first; offset <= last; offset = offset.next()) {
    const Place place = loglets_.place_of(loglet, offset);
    if (place.segment != 0 && position_of(place.segment, place.byte) < durable_) {
      held.insert(offset.raw());
    }
  }
  return held;
}

// A view into memory that stays until the fiber parks.
Result<OldFrames::Frame> Wal::fetch(Place place) {
  const Position at = position_of(place.segment, place.byte);
  if (const std::byte* here = memory_.find(at, header_bytes + place.length)) {
    const auto* const bytes = reinterpret_cast<const char*>(here);
    return OldFrames::Frame{.kind = kind_of(here),
                            .bytes = std::string_view(bytes + header_bytes, place.length)};
  }
  Segment* const segment = segments_.find(place.segment);
  CHECK(segment != nullptr);
  const std::uint32_t durable_end =
      place.segment < segment_of(durable_) ? segment->capacity : byte_of(durable_);
  ++segment->readers;
  auto frame = old_frames_.read(*segment, place, durable_end);
  --segment->readers;
  if (oldest_is_dead()) house_.notify_all();
  return frame;
}

void Wal::check_invariants() const {
  loglets_.check_invariants();
  CHECK(durable_ <= head_);
  CHECK(segments_.in_use() >= 1);
  std::uint64_t unsynced = 0;
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    unsynced += batches_[i].end - byte_of(batches_[i].begin);
    IMPLIES(i + 1 < batches_.size(), batches_[i].closed);
    CHECK(batches_[i].begin >= durable_);
  }
  CHECK(unsynced == unsynced_bytes_);
}

}  // namespace perdure::wal
