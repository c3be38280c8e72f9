#include "engine/wal/old_frames.h"

#include <algorithm>

#include "engine/base/check.h"

namespace perdure::wal {

OldFrames::OldFrames(io::Fibers& fibers, std::uint64_t stream_id, std::uint32_t window_bytes,
                     std::uint32_t windows)
    : stream_id_(stream_id), window_bytes_(window_bytes), windows_(windows), loaded_(fibers) {}

Result<OldFrames::Frame> OldFrames::read(Segment& segment, Place place, std::uint32_t durable_end) {
  const std::uint32_t length = header_bytes + place.length;
  Window* window = find(segment.number, place);
  while (window == nullptr || window->loading) {
    if (window == nullptr) {
      TRY_VOID(load(segment, place, durable_end));
    } else {
      TRY_VOID(loaded_.wait());
    }
    window = find(segment.number, place);
  }
  window->used_at = ++uses_;

  const auto* const at =
      reinterpret_cast<const char*>(window->bytes.data()) + (place.byte - window->first);
  const std::string_view frame(at, length);
  const std::uint64_t seed = seed_at(stream_id_, position_of(segment.number, place.byte));
  const auto header = header_at(frame, seed);
  if (!header || header->length != place.length || !frame_verifies(frame, seed)) {
    window->segment = 0;  // the disk may answer better when asked again
    return fail(Code::corrupt, "segment " + std::to_string(segment.number) + ", byte " +
                                   std::to_string(place.byte) + ": the frame does not verify");
  }
  return Frame{.kind = header->kind, .bytes = frame.substr(header_bytes)};
}

bool OldFrames::Window::covers(std::uint32_t of_segment, std::uint32_t from,
                               std::uint32_t length) const {
  return segment == of_segment && from >= first &&
         std::uint64_t{from} + length <= first + bytes.size();
}

OldFrames::Window* OldFrames::find(std::uint32_t segment, Place place) {
  for (Window& window : windows_) {
    if (window.covers(segment, place.byte, header_bytes + place.length)) return &window;
  }
  return nullptr;
}

// From the sector of the frame on: readers go forward.
Result<void> OldFrames::load(Segment& segment, Place place, std::uint32_t durable_end) {
  Window* const window = least_used();
  if (window == nullptr) return loaded_.wait();  // all are being loaded: look again then
  const std::uint32_t first = place.byte / sector_bytes * sector_bytes;
  const std::uint32_t wanted = place.byte - first + header_bytes + place.length;
  CHECK(first + std::uint64_t{wanted} <= durable_end);
  const std::uint32_t length = std::min(std::max(window_bytes_, wanted), durable_end - first);
  *window = {.segment = segment.number,
             .first = first,
             .bytes = std::move(window->bytes),
             .loading = true,
             .used_at = ++uses_};
  window->bytes.resize(length);
  ++segment.readers;
  const Result<std::size_t> read = segment.file->read(first, window->bytes);
  --segment.readers;
  window->loading = false;
  loaded_.notify_all();
  if (read && *read >= wanted) {
    window->bytes.resize(*read);
    return {};
  }
  window->segment = 0;
  if (!read) return fail(read.error().code, read.error().detail);
  return fail(Code::corrupt, "segment " + std::to_string(segment.number) + " ends at byte " +
                                 std::to_string(first + *read));
}

OldFrames::Window* OldFrames::least_used() {
  Window* found = nullptr;
  for (Window& window : windows_) {
    if (window.loading) continue;
    if (found == nullptr || window.used_at < found->used_at) found = &window;
  }
  return found;
}

}  // namespace perdure::wal
