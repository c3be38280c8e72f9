#include "engine/wal/recovery.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace perdure::wal {
namespace {

constexpr std::uint32_t window_bytes = 1 << 20;

// Any bytes of one segment, by windows read from front to back.
class Reader {
 public:
  explicit Reader(Segment& segment) : segment_(segment) {}

  // Fewer than asked only at the end of the segment.  Valid until the next call.
  Result<std::string_view> at(std::uint32_t from, std::uint32_t length) {
    length = std::min(length, segment_.capacity - std::min(from, segment_.capacity));
    if (from < first_ || std::uint64_t{from} + length > first_ + bytes_.size()) {
      TRY_VOID(fill(from, length));
    }
    return std::string_view(bytes_).substr(from - first_, length);
  }
  // All that is at hand from there on: header_bytes at least, or nothing at the end.
  Result<std::string_view> from(std::uint32_t begin) {
    TRY(head, at(begin, header_bytes));
    if (head.size() < header_bytes) return std::string_view();
    return std::string_view(bytes_).substr(begin - first_);
  }

 private:
  Result<void> fill(std::uint32_t from, std::uint32_t length) {
    bytes_.resize(std::min(std::max(length, window_bytes), segment_.capacity - from));
    first_ = from;
    TRY(size, segment_.file->read(from, std::as_writable_bytes(std::span(bytes_))));
    // A file that is shorter than its head says: what is not there reads as zeros.
    std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(size), bytes_.end(), '\0');
    return {};
  }

  Segment& segment_;
  std::uint32_t first_ = 0;
  std::string bytes_;
};

// One segment from its first frame to where frames end.
class Scan {
 public:
  Scan(Segment& segment, Loglets& loglets, std::uint64_t stream_id)
      : segment_(segment), loglets_(loglets), stream_id_(stream_id), reader_(segment) {}

  Result<void> run() {
    while (next_number == 0) {
      TRY(taken, take_one());
      if (!taken) return {};
    }
    return {};
  }

  // Looks behind the end.  Error: corrupt, when a frame there knew the end durable.
  Result<void> look_behind() {
    std::uint32_t at = end;
    while (true) {
      TRY(found, next_frame(at, segment_.capacity));
      if (!found) return {};
      at = found->at;
      if (at - found->header.since_durable > end) return rot(at);
      at += frame_bytes(found->header.length);
      stale_end = at;
    }
  }

  // Is there a frame near the front?  For a segment that ought to be unused.
  Result<bool> has_frames() {
    TRY(found, next_frame(segment_head_bytes, std::min(segment_.capacity, window_bytes)));
    return found.has_value();
  }

  // Writes the last batch again, and zeros up to where stale frames end.
  Result<void> settle() {
    TRY(batch, reader_.at(batch_begin, end - batch_begin));
    std::string bytes(batch);
    bytes.resize(std::max(bytes.size(), std::size_t{stale_end} - batch_begin), '\0');
    if (bytes.empty()) return segment_.file->sync();
    return segment_.file->write_and_sync(batch_begin, as_bytes(bytes));
  }

  std::uint32_t end = segment_head_bytes;          // the next frame would begin here
  std::uint32_t batch_begin = segment_head_bytes;  // of the last batch
  std::uint32_t stale_end = segment_head_bytes;
  std::uint32_t next_number = 0;  // of the segment that the last frame names
  std::uint64_t frames = 0;

 private:
  struct Found {
    std::optional<Header> header;  // nothing: no frame verifies here
    std::string_view bytes;
  };

  Result<Found> frame_at(std::uint32_t at) {
    TRY(head, reader_.at(at, header_bytes));
    if (head.size() < header_bytes) return Found();
    const std::uint64_t seed = seed_at(stream_id_, position_of(segment_.number, at));
    const auto header = header_at(head, seed);
    if (!header || header->length > segment_.capacity - at - header_bytes) return Found();
    if (header->since_durable > at - segment_head_bytes) return Found();
    TRY(frame, reader_.at(at, header_bytes + header->length));
    if (!frame_verifies(frame, seed)) return Found();
    return Found{.header = header, .bytes = frame.substr(header_bytes)};
  }

  struct Witness {
    std::uint32_t at = 0;
    Header header;
  };
  // The first frame that verifies in [from, until), wherever it begins.
  Result<std::optional<Witness>> next_frame(std::uint32_t from, std::uint32_t until) {
    while (from < until) {
      TRY(bytes, reader_.from(from));
      std::uint32_t i = 0;
      while (i + header_bytes <= bytes.size() && !looks_like_header(bytes.data() + i)) i += 8;
      from += i;
      if (bytes.empty() || from >= until) break;
      if (i + header_bytes > bytes.size()) continue;  // needs the next window
      TRY(frame, frame_at(from));
      if (frame.header) return Witness{.at = from, .header = *frame.header};
      from += 8;
    }
    return std::nullopt;
  }

  // False at the end.
  Result<bool> take_one() {
    TRY(frame, frame_at(end));
    if (!frame.header) return false;
    const Header& header = *frame.header;
    const Place place{.segment = segment_.number, .byte = end, .length = header.length};
    if (auto applied = loglets_.apply(header, frame.bytes, place); !applied) {
      return fail(applied.error().code, name(end) + ": " + applied.error().detail);
    }
    if (header.kind == Kind::end) {
      TRY_VOID(take_next_number(header.offset));
    }
    ++frames;
    batch_begin = end - header.since_durable;
    end += frame_bytes(header.length);
    if ((header.flags & last_of_batch) != 0) end = round_up(end, sector_bytes);
    stale_end = end;
    return true;
  }

  Result<void> take_next_number(Offset number) {
    if (number.raw() <= segment_.number || number.raw() > UINT32_MAX) {
      return fail(Code::corrupt, name(end) + ": ends with number " + std::to_string(number.raw()));
    }
    next_number = static_cast<std::uint32_t>(number.raw());
    return {};
  }

  Result<void> rot(std::uint32_t witness) const {
    return fail(Code::corrupt, name(end) + ": does not verify, and the frame at byte " +
                                   std::to_string(witness) + " knew it durable");
  }

  std::string name(std::uint32_t at) const {
    return "segment " + std::to_string(segment_.number) + ", byte " + std::to_string(at);
  }

  Segment& segment_;
  Loglets& loglets_;
  const std::uint64_t stream_id_;
  Reader reader_;
};

// A segment without an end is the last; if a later one was used, that end has rotted.
Result<void> check_unused(Segments& segments, std::size_t from, Loglets& loglets,
                          std::uint64_t stream_id) {
  for (std::size_t i = from; i < segments.all(); ++i) {
    Scan scan(segments.at(i), loglets, stream_id);
    TRY(used, scan.has_frames());
    if (!used) continue;
    return fail(Code::corrupt, "segment " + std::to_string(segments.at(from - 1).number) +
                                   " has lost its end: segment " +
                                   std::to_string(segments.at(i).number) + " was begun");
  }
  return {};
}

}  // namespace

Result<Recovered> recover(Segments& segments, Loglets& loglets, std::uint64_t stream_id) {
  CHECK(segments.all() > 0);
  Recovered recovered;
  std::unique_ptr<Scan> before;
  for (std::size_t i = 0;; ++i) {
    Segment& segment = segments.at(i);
    auto scan = std::make_unique<Scan>(segment, loglets, stream_id);
    TRY_VOID(scan->run());
    recovered.frames += scan->frames;
    if (scan->next_number == 0) {
      TRY_VOID(scan->look_behind());
      TRY_VOID(check_unused(segments, i + 1, loglets, stream_id));
      if (scan->frames == 0 && before != nullptr) TRY_VOID(before->settle());
      TRY_VOID(scan->settle());
      segments.use_first(i + 1);
      recovered.head = position_of(segment.number, scan->end);
      recovered.zeroed_bytes = scan->stale_end - scan->end;
      return recovered;
    }
    if (i + 1 == segments.all() || segments.at(i + 1).number != scan->next_number) {
      return fail(Code::corrupt, "segment " + std::to_string(scan->next_number) +
                                     " is missing: segment " + std::to_string(segment.number) +
                                     " names it as the next");
    }
    before = std::move(scan);
  }
}

}  // namespace perdure::wal
