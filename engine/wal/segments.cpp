#include "engine/wal/segments.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace perdure::wal {
namespace {

constexpr std::uint32_t zeros_at_once = 1 << 20;  // bytes
constexpr std::size_t number_digits = 8;

std::string digits_of(std::uint32_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out.push_back(digits[(number >> shift) & 15]);
  return out;
}

// "0000002a.segment" is 42 when the ending is ".segment"; 0 when it is no such name.
std::uint32_t number_in(std::string_view name, std::string_view ending) {
  if (name.size() != number_digits + ending.size() || !name.ends_with(ending)) return 0;
  std::uint32_t number = 0;
  const char* const end = name.data() + number_digits;
  const auto [stopped, error] = std::from_chars(name.data(), end, number, 16);
  return error == std::errc() && stopped == end ? number : 0;
}

}  // namespace

Segments::Segments(io::Disk& disk, SegmentsOptions options)
    : disk_(disk), options_(std::move(options)) {}

Result<void> Segments::load() {
  TRY_VOID(make_folders());
  TRY(names, disk_.list(options_.folder));
  for (const std::string& name : names) {
    if (const std::uint32_t number = number_in(name, ".segment"); number != 0) {
      TRY_VOID(load_segment(name, number));
      next_number_ = std::max(next_number_, number + 1);
    } else if (const std::uint32_t spare = number_in(name, ".spare"); spare != 0) {
      TRY(file, disk_.open(options_.folder + "/" + name, io::Open::existing));
      TRY(size, file->size());
      spares_.push_back({.number = spare, .capacity = static_cast<std::uint32_t>(size)});
      next_number_ = std::max(next_number_, spare + 1);
    } else if (const std::uint32_t half = number_in(name, ".new"); half != 0) {
      TRY_VOID(disk_.remove(options_.folder + "/" + name));
      next_number_ = std::max(next_number_, half + 1);
    }
  }
  // The process before us may have died between a rename and its sync; from here on
  // the names that we saw are the names that stay.
  return disk_.sync_folder(options_.folder);
}

// A folder's name is durable when its parent is synced, and nobody knows whether the
// process that made it lived to do that.
Result<void> Segments::make_folders() {
  const std::string_view all = options_.folder;
  std::size_t end = 0;
  while (end != std::string_view::npos) {
    const std::string_view parent = end == 0 ? "" : all.substr(0, end);
    end = all.find('/', end == 0 ? 0 : end + 1);
    TRY_VOID(disk_.make_folder(all.substr(0, end)));
    TRY_VOID(disk_.sync_folder(parent));
  }
  return {};
}

Result<void> Segments::load_segment(const std::string& name, std::uint32_t number) {
  const std::string where = options_.folder + "/" + name;
  TRY(file, disk_.open(where, io::Open::existing));
  std::string bytes(segment_head_bytes, '\0');
  TRY(size, file->read(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(size);
  auto head = decode_head(bytes);
  if (!head) return fail(head.error().code, where + ": " + head.error().detail);
  if (head->number != number) {
    return fail(Code::corrupt, where + ": its head says number " + std::to_string(head->number));
  }
  if (head->stream_id != options_.stream_id) {
    return fail(Code::corrupt, where + ": belongs to another data directory");
  }
  segments_.push_back(std::make_unique<Segment>(
      Segment{.number = number, .capacity = head->capacity, .file = std::move(file)}));
  return {};
}

void Segments::use_first(std::size_t count) {
  CHECK(count <= segments_.size());
  in_use_ = count;
}

Segment& Segments::current() {
  CHECK(in_use_ > 0);
  return *segments_[in_use_ - 1];
}

Segment* Segments::find(std::uint32_t number) {
  const auto found = std::ranges::lower_bound(
      segments_, number, {}, [](const std::unique_ptr<Segment>& s) { return s->number; });
  return found != segments_.end() && (*found)->number == number ? found->get() : nullptr;
}

std::uint64_t Segments::bytes() const {
  std::uint64_t total = 0;
  for (const Spare& spare : spares_) total += spare.capacity;
  for (const auto& segment : segments_) total += segment->capacity;
  return total;
}

const Segment& Segments::next_ready() const {
  CHECK(has_ready());
  return *segments_[in_use_];
}

Segment& Segments::take_ready() {
  CHECK(has_ready());
  return *segments_[in_use_++];
}

// A spare of another size is better than none on a full disk, and else is not used.
Result<void> Segments::prepare(std::uint32_t capacity) {
  TRY_VOID(sweep());
  const bool fits = !spares_.empty() && spares_.back().capacity == capacity;
  auto made = fits ? recycle() : make_new(capacity);
  if (!made && made.error().code == Code::full && !spares_.empty()) {
    TRY_VOID(sweep());
    made = recycle();
  }
  return made;
}

Result<void> Segments::make_new(std::uint32_t capacity) {
  if (bytes() + capacity > options_.bytes_max) {
    return fail(Code::full, options_.folder + " holds " + std::to_string(bytes()) +
                                " bytes, its limit is " + std::to_string(options_.bytes_max));
  }
  // A disk that is full is not filled to the brim with each try.  What is left to others lets
  // the tables be laid down, which is what frees the log.
  if (const auto free = disk_.bytes_free();
      free && *free < std::uint64_t{capacity} + options_.left_to_others_bytes) {
    return fail(Code::full, "the disk has " + std::to_string(*free) + " bytes free, a segment of " +
                                std::to_string(capacity) + " must leave " +
                                std::to_string(options_.left_to_others_bytes));
  }
  const std::uint32_t number = next_number_++;
  const std::string raw = path(number, ".new");
  const auto write_zeros = [&]() -> Result<void> {
    TRY(file, disk_.open(raw, io::Open::create));
    const std::vector<std::byte> zeros(std::min(capacity, zeros_at_once));
    for (std::uint32_t at = 0; at < capacity;) {
      const std::uint32_t length = std::min(capacity - at, zeros_at_once);
      TRY_VOID(file->write_and_sync(at, std::span(zeros).first(length)));
      at += length;
    }
    return finish(std::move(file), raw, number, capacity);
  };
  return or_litter(write_zeros(), raw, number);
}

Result<void> Segments::recycle() {
  const Spare spare = spares_.back();
  spares_.pop_back();
  const std::uint32_t number = next_number_++;
  const std::string raw = path(spare.number, ".spare");
  const auto write_head = [&]() -> Result<void> {
    TRY(file, disk_.open(raw, io::Open::existing));
    return finish(std::move(file), raw, number, spare.capacity);
  };
  return or_litter(write_head(), raw, number);
}

// What failed may not be found by a later recovery: a ready segment may not stand where a
// later one was used.  Nothing more is prepared before both names are surely gone.
Result<void> Segments::or_litter(Result<void> made, const std::string& raw, std::uint32_t number) {
  if (made) return made;
  litter_ = {raw, path(number, ".segment")};
  if (auto swept = sweep(); !swept) made.error().detail += "; " + swept.error().detail;
  return made;
}

Result<void> Segments::sweep() {
  if (litter_.empty()) return {};
  for (const std::string& name : litter_) {
    auto removed = disk_.remove(name);
    if (!removed && removed.error().code != Code::not_found) return removed;
  }
  TRY_VOID(disk_.sync_folder(options_.folder));
  litter_.clear();
  return {};
}

// The head is durable before the file has the name of a segment, and the name is durable
// before anything is appended.
Result<void> Segments::finish(std::unique_ptr<io::File> file, const std::string& raw,
                              std::uint32_t number, std::uint32_t capacity) {
  const SegmentHead head{.number = number, .capacity = capacity, .stream_id = options_.stream_id};
  TRY_VOID(file->write_and_sync(0, as_bytes(encode_head(head))));
  TRY_VOID(disk_.rename(raw, path(number, ".segment")));
  TRY_VOID(disk_.sync_folder(options_.folder));
  segments_.push_back(std::make_unique<Segment>(
      Segment{.number = number, .capacity = capacity, .file = std::move(file)}));
  return {};
}

// Oldest first, and durably: were the name of a later one to go before it, recovery would
// miss that one.
Result<void> Segments::retire_oldest() {
  CHECK(in_use_ > 1);
  const Segment& oldest = *segments_.front();
  CHECK(oldest.readers == 0);
  const std::uint32_t number = oldest.number;
  const std::string name = path(number, ".segment");
  const Spare spare{.number = number, .capacity = oldest.capacity};
  const bool worth_keeping = spares_.empty();
  auto gone = worth_keeping ? disk_.rename(name, path(number, ".spare")) : disk_.remove(name);
  // Not there: a call before this one failed after it had its effect.
  if (!gone && gone.error().code != Code::not_found) return gone;
  TRY_VOID(disk_.sync_folder(options_.folder));
  segments_.pop_front();
  --in_use_;
  if (gone && worth_keeping) spares_.push_back(spare);
  return {};
}

std::string Segments::path(std::uint32_t number, std::string_view ending) const {
  return options_.folder + "/" + digits_of(number) + std::string(ending);
}

}  // namespace perdure::wal
