// The flusher: takes the oldest batch, writes and syncs it, tells who waits.
#include <span>
#include <utility>

#include "engine/base/check.h"
#include "engine/wal/wal.h"

namespace perdure::wal {

void Wal::flush_forever() {
  while (true) {
    while (batches_.empty()) {
      if (stopping_) return;
      if (!work_.wait() && !stopping_) return;
    }
    // What this turn still appends goes along.
    if (!trace_.rarely("wal.flush_early")) fibers_.turn_end();
    if (auto flushed = flush_one(); !flushed) return fail_safe(flushed.error());
  }
}

Result<void> Wal::flush_one() {
  if (!batches_.front().closed) close_batch(batches_.front());
  const Position begin = batches_.front().begin;
  const std::uint32_t from = byte_of(begin);
  const std::uint32_t used = batches_.front().end - from;
  const std::uint32_t size = round_up(batches_.front().end, sector_bytes) - from;
  std::byte* const bytes = memory_.find(begin, size);
  CHECK(bytes != nullptr);
  std::uint64_t frames = 0;
  for (std::uint32_t at = 0; at < used; at += frame_bytes(length_of(bytes + at)), ++frames) {
    put_checks(bytes + at, seed_at(options_.stream_id, begin + at));
  }

  Segment* const segment = segments_.find(segment_of(begin));
  CHECK(segment != nullptr);
  // From here on others append; the front batch stays where and as it is.
  TRY_VOID(segment->file->write_and_sync(from, std::span(bytes, size)));

  const bool crossed = segment_of(durable_) != segment_of(begin);
  durable_ = begin + size;
  unsynced_bytes_ -= used;
  std::vector<Touched> touched = std::move(batches_.front().touched);
  batches_.pop_front();
  memory_.evict(durable_);
  trace_.count("wal.syncs");
  trace_.count("wal.frames", frames);
  trace_.count("wal.bytes", size);

  tell(touched);
  touched.clear();
  touched_unused_ = std::move(touched);
  if (waiting_ > 0) durable_grew_.notify_all();
  if (crossed) house_.notify_all();  // what was the current segment may be retired now
  return {};
}

void Wal::tell(const std::vector<Touched>& touched) {
  for (const Touched& t : touched) {
    const auto found = listeners_.find(t.loglet);  // a listener may unlisten another
    if (found != listeners_.end()) found->second->durable(t.loglet, t.last);
  }
}

// The bytes are in doubt for ever (io/disk.h): nothing after them may be acknowledged.
void Wal::fail_safe(const Error& why) {
  failure_ = Error{Code::failed, "the log's disk failed: " + why.detail};
  trace_.event(io::Level::error, "wal.failed", {{"folder", options_.folder}, {"why", why.detail}});
  std::vector<LogletId> listening;
  for (const auto& [loglet, listener] : listeners_) listening.push_back(loglet);
  for (const LogletId loglet : listening) {
    const auto found = listeners_.find(loglet);
    if (found != listeners_.end()) found->second->failed(*failure_);
  }
  durable_grew_.notify_all();
  house_.notify_all();
}

}  // namespace perdure::wal
