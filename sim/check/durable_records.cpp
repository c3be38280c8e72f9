#include "sim/check/durable_records.h"

#include "engine/base/bytes.h"
#include "engine/wal/frame.h"

namespace perdure::sim {

bool DurableRecords::contains(const wire::Record& record) {
  const std::uint64_t hash = hash64(wire::encode(record));
  if (records_.contains(hash)) return true;
  read_on();
  if (records_.contains(hash)) return true;
  segments_.clear();  // a start may have cut off a torn end that we had read past
  read_on();
  return records_.contains(hash);
}

void DurableRecords::read_on() {
  const auto streams = disk_.list("wal");
  if (!streams) return;
  for (const std::string& stream : *streams) {
    const std::string folder = "wal/" + stream;
    const auto files = disk_.list(folder);
    if (!files) continue;
    for (const std::string& file : *files) {
      if (!file.ends_with(".segment")) continue;
      const std::string path = folder + "/" + file;
      const std::string* bytes = disk_.durable(path);
      if (bytes != nullptr) read_segment(*bytes, segments_[path]);
    }
  }
}

// Frame after frame, as far as they verify; the next look goes on from there.
void DurableRecords::read_segment(const std::string& bytes, Segment& segment) {
  if (bytes.size() < wal::segment_head_bytes) return;
  const auto head = wal::decode_head(std::string_view(bytes).substr(0, wal::segment_head_bytes));
  if (!head) return;
  if (segment.number != head->number) {
    segment = {.number = head->number, .read = wal::segment_head_bytes};
  }
  while (segment.read + wal::header_bytes <= bytes.size()) {
    const std::string_view rest = std::string_view(bytes).substr(segment.read);
    const std::uint64_t seed = wal::seed_at(
        head->stream_id, wal::position_of(head->number, static_cast<std::uint32_t>(segment.read)));
    const auto header = wal::header_at(rest, seed);
    if (!header || rest.size() < wal::header_bytes + header->length) return;
    if (!wal::frame_verifies(rest.substr(0, wal::header_bytes + header->length), seed)) return;
    if (header->kind == wal::Kind::record) {
      const auto record =
          wire::decode<wire::Record>(rest.substr(wal::header_bytes, header->length));
      if (record) records_.insert(hash64(wire::encode(*record)));
    }
    segment.read += wal::frame_bytes(header->length);
    if ((header->flags & wal::last_of_batch) != 0) {
      segment.read = (segment.read + wal::sector_bytes - 1) / wal::sector_bytes * wal::sector_bytes;
    }
  }
}

}  // namespace perdure::sim
