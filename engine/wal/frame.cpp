#include "engine/wal/frame.h"

#include <bit>
#include <cstring>

#include "engine/base/bytes.h"

namespace perdure::wal {
namespace {

static_assert(std::endian::native == std::endian::little, "the stream is little-endian");

constexpr std::uint16_t frame_magic = 0x5057;
constexpr std::string_view head_magic = "PERDUREW";
constexpr std::uint32_t head_version = 1;
constexpr std::size_t head_used = 40;

enum At : std::size_t {
  at_checksum = 0,
  at_header_check = 8,
  at_length = 12,
  at_magic = 16,
  at_kind = 18,
  at_flags = 19,
  at_since_durable = 20,
  at_loglet = 24,
  at_offset = 32,
};

template <class Int>
void put(std::byte* into, Int value) {
  std::memcpy(into, &value, sizeof value);
}
template <class Int>
Int get(const char* from) {
  Int value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint32_t check_of(std::string_view header, std::uint64_t seed) {
  return static_cast<std::uint32_t>(
      hash64(header.substr(at_length, header_bytes - at_length), seed));
}

}  // namespace

std::uint64_t seed_at(std::uint64_t stream_id, Position at) {
  return stream_id ^ (at.raw() * 0x9E37'79B9'7F4A'7C15);  // odd, so no two places agree
}

void put_frame(std::byte* into, const Header& header, std::string_view bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  put(into + at_checksum, std::uint64_t{0});
  put(into + at_header_check, std::uint32_t{0});
  put(into + at_length, length);
  put(into + at_magic, frame_magic);
  put(into + at_kind, static_cast<std::uint8_t>(header.kind));
  put(into + at_flags, header.flags);
  put(into + at_since_durable, header.since_durable);
  put(into + at_loglet, header.loglet.raw());
  put(into + at_offset, header.offset.raw());
  if (length > 0) std::memcpy(into + header_bytes, bytes.data(), length);
  const std::uint32_t used = header_bytes + length;
  std::memset(into + used, 0, frame_bytes(length) - used);
}

void mark_last(std::byte* frame) { frame[at_flags] |= std::byte{last_of_batch}; }

void put_checks(std::byte* frame, std::uint64_t seed) {
  const std::string_view all(reinterpret_cast<const char*>(frame), header_bytes + length_of(frame));
  put(frame + at_header_check, check_of(all, seed));
  put(frame + at_checksum, hash64(all.substr(at_header_check), seed));
}

bool looks_like_header(const char* bytes) {
  return get<std::uint16_t>(bytes + at_magic) == frame_magic;
}

std::uint32_t length_of(const std::byte* frame) {
  return get<std::uint32_t>(reinterpret_cast<const char*>(frame) + at_length);
}

Kind kind_of(const std::byte* frame) { return static_cast<Kind>(frame[at_kind]); }

std::optional<Header> header_at(std::string_view bytes, std::uint64_t seed) {
  CHECK(bytes.size() >= header_bytes);
  const char* const from = bytes.data();
  if (!looks_like_header(from)) return std::nullopt;
  if (get<std::uint32_t>(from + at_header_check) != check_of(bytes, seed)) return std::nullopt;
  return Header{.checksum = get<std::uint64_t>(from + at_checksum),
                .header_check = get<std::uint32_t>(from + at_header_check),
                .length = get<std::uint32_t>(from + at_length),
                .kind = static_cast<Kind>(get<std::uint8_t>(from + at_kind)),
                .flags = get<std::uint8_t>(from + at_flags),
                .since_durable = get<std::uint32_t>(from + at_since_durable),
                .loglet = LogletId(get<std::uint64_t>(from + at_loglet)),
                .offset = Offset(get<std::uint64_t>(from + at_offset))};
}

bool frame_verifies(std::string_view frame, std::uint64_t seed) {
  return frame.size() >= header_bytes &&
         get<std::uint64_t>(frame.data()) == hash64(frame.substr(at_header_check), seed);
}

std::string encode_head(const SegmentHead& head) {
  std::string out(segment_head_bytes, '\0');
  auto* const into = reinterpret_cast<std::byte*>(out.data());
  std::memcpy(into, head_magic.data(), head_magic.size());
  put(into + 8, head_version);
  put(into + 12, head.number);
  put(into + 16, head.capacity);
  put(into + 24, head.stream_id);
  put(into + 32, hash64(std::string_view(out).substr(0, 32)));
  return out;
}

Result<SegmentHead> decode_head(std::string_view bytes) {
  if (bytes.size() < head_used) return fail(Code::corrupt, "segment head is cut off");
  if (get<std::uint64_t>(bytes.data() + 32) != hash64(bytes.substr(0, 32))) {
    return fail(Code::corrupt, "segment head does not verify");
  }
  if (bytes.substr(0, head_magic.size()) != head_magic) {
    return fail(Code::corrupt, "not a segment");
  }
  if (const auto version = get<std::uint32_t>(bytes.data() + 8); version != head_version) {
    return fail(Code::invalid, "segment of version " + std::to_string(version) +
                                   ", this program knows version " + std::to_string(head_version));
  }
  return SegmentHead{.number = get<std::uint32_t>(bytes.data() + 12),
                     .capacity = get<std::uint32_t>(bytes.data() + 16),
                     .stream_id = get<std::uint64_t>(bytes.data() + 24)};
}

std::string encode_roster(const std::vector<RosterLine>& lines) {
  std::string out(lines.size() * roster_line_bytes, '\0');
  auto* into = reinterpret_cast<std::byte*>(out.data());
  for (const RosterLine& line : lines) {
    put(into, line.loglet.raw());
    put(into + 8, line.trim_point.raw());
    put(into + 16, line.last.raw());
    put(into + 24, std::uint64_t{line.sealed});
    into += roster_line_bytes;
  }
  return out;
}

Result<std::vector<RosterLine>> decode_roster(std::string_view bytes) {
  if (bytes.size() % roster_line_bytes != 0) return fail(Code::corrupt, "roster is cut off");
  std::vector<RosterLine> lines;
  lines.reserve(bytes.size() / roster_line_bytes);
  for (std::size_t at = 0; at < bytes.size(); at += roster_line_bytes) {
    const char* const from = bytes.data() + at;
    lines.push_back({.loglet = LogletId(get<std::uint64_t>(from)),
                     .trim_point = Offset(get<std::uint64_t>(from + 8)),
                     .last = Offset(get<std::uint64_t>(from + 16)),
                     .sealed = get<std::uint64_t>(from + 24) != 0});
  }
  return lines;
}

}  // namespace perdure::wal
