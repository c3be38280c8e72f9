// engine/wal/frame.h
//
// How the stream looks on disk.
//
//     segment   [ head 512 | batch | batch ...              | batch with an end | rest ]
//     batch     [ frame | frame | frame, last | zeros to the next 512 ]
//     frame     [ header 40 | bytes | zeros to the next 8 ]
//
//      0  checksum       XXH3-64 over [8, 40 + length)
//      8  header check   32 bits of XXH3-64 over [12, 40): a header is believed, and its
//                        length followed, before the bytes behind it have been read
//     12  length         of the bytes
//     16  magic          0x5057
//     18  kind, flags
//     20  since durable  from the position known durable when this was written to here
//     24  loglet, 32 offset
//
// All numbers are little-endian.  Both checks are seeded with the stream's random id and
// the position, and a position holds the number of the segment, which is never given
// twice: so a frame verifies at the one place where it was written, in the one life of
// the file in which it was written, and nowhere else.
//
// One batch is written at a time, so what is known durable is where the batch begins.  A
// batch begins at a line of 512 bytes: writing it never touches the sector of a frame
// that was acknowledged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace perdure::wal {

// A place in the stream: number of the segment in the high half, byte in the low one.
using Position = Number<struct PositionTag, Shape::position>;

inline constexpr Position position_of(std::uint32_t segment, std::uint32_t byte) {
  return Position(std::uint64_t{segment} << 32 | byte);
}
inline constexpr std::uint32_t segment_of(Position p) {
  return static_cast<std::uint32_t>(p.raw() >> 32);
}
inline constexpr std::uint32_t byte_of(Position p) { return static_cast<std::uint32_t>(p.raw()); }

inline constexpr std::uint32_t header_bytes = 40;
inline constexpr std::uint32_t sector_bytes = 512;
inline constexpr std::uint32_t segment_head_bytes = sector_bytes;

inline constexpr std::uint32_t round_up(std::uint32_t n, std::uint32_t unit) {
  return (n + unit - 1) / unit * unit;
}
// What a frame takes in the stream.
inline constexpr std::uint32_t frame_bytes(std::uint32_t length) {
  return round_up(header_bytes + length, 8);
}

enum class Kind : std::uint8_t {
  record = 1,    // offset of the loglet, and its bytes
  metadata = 2,  // the same, for the control room's own log
  seal = 3,      // the loglet takes no more; bytes are the sealer's
  trim = 4,      // offset is the last that is gone
  drop = 5,      // the loglet is forgotten altogether
  roster = 6,    // first in each segment: every loglet's state, so that older files may go
  end = 7,       // last in a segment; offset is the number of the next one
};

enum Flags : std::uint8_t {
  last_of_batch = 1,  // what follows begins at the next line of 512 bytes
  moved = 2,          // copied forward from an old segment
};

struct Header {
  std::uint64_t checksum = 0;
  std::uint32_t header_check = 0;
  std::uint32_t length = 0;
  Kind kind = Kind::record;
  std::uint8_t flags = 0;
  std::uint32_t since_durable = 0;
  LogletId loglet;
  Offset offset;
};

// The seed of all checks at that place.
std::uint64_t seed_at(std::uint64_t stream_id, Position at);

// Header with both checks left 0, bytes, padding: frame_bytes(bytes.size()) of them.
void put_frame(std::byte* into, const Header& header, std::string_view bytes);
// Sets `last_of_batch` in the header of a frame that has no checks yet.
void mark_last(std::byte* frame);
// Fills in the checks; `frame` is as put_frame() left it.
void put_checks(std::byte* frame, std::uint64_t seed);

// A header that verifies, or nothing.  `bytes` holds header_bytes at least.
std::optional<Header> header_at(std::string_view bytes, std::uint64_t seed);
// A first look, for scans: false for most places where no header is.
bool looks_like_header(const char* bytes);
// Without any check: for frames of our own memory.
std::uint32_t length_of(const std::byte* frame);
Kind kind_of(const std::byte* frame);
// Does the whole frame verify?  `frame` is header and bytes, without padding.
bool frame_verifies(std::string_view frame, std::uint64_t seed);

// The first sector of a segment's file.
struct SegmentHead {
  std::uint32_t number = 0;
  std::uint32_t capacity = 0;  // bytes of the file, this sector included
  std::uint64_t stream_id = 0;
  friend bool operator==(const SegmentHead&, const SegmentHead&) = default;
};
std::string encode_head(const SegmentHead& head);  // segment_head_bytes of them
Result<SegmentHead> decode_head(std::string_view bytes);

// What a roster says of one loglet.
struct RosterLine {
  LogletId loglet;
  Offset trim_point;  // the last that is gone
  Offset last;        // the last that was ever appended; 0: none
  bool sealed = false;
  friend bool operator==(const RosterLine&, const RosterLine&) = default;
};
inline constexpr std::uint32_t roster_line_bytes = 32;
std::string encode_roster(const std::vector<RosterLine>& lines);
Result<std::vector<RosterLine>> decode_roster(std::string_view bytes);

}  // namespace perdure::wal
