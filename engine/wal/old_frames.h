// engine/wal/old_frames.h
//
// Frames that have left the tail memory, read from disk and verified.  A partition that
// replays reads forward, and so do its neighbours, whose frames lie between its own: so
// disk is read in windows, a few are kept, and whoever wants what is being read waits for
// that read instead of making his own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/fibers.h"
#include "engine/wal/frame.h"
#include "engine/wal/loglets.h"
#include "engine/wal/segments.h"

namespace perdure::wal {

class OldFrames {
 public:
  OldFrames(io::Fibers& fibers, std::uint64_t stream_id, std::uint32_t window_bytes,
            std::uint32_t windows);

  struct Frame {
    Kind kind;
    std::string_view bytes;  // until the next call, or until the fiber parks
  };
  // Parks when no window has it.  `durable_end` is the byte of the segment up to which it
  // may be read.  Errors: corrupt, naming the place; failed; cancelled.
  Result<Frame> read(Segment& segment, Place place, std::uint32_t durable_end);

 private:
  struct Window {
    std::uint32_t segment = 0;  // 0: unused
    std::uint32_t first = 0;    // byte of the segment
    std::vector<std::byte> bytes;
    bool loading = false;
    std::uint64_t used_at = 0;
    bool covers(std::uint32_t of_segment, std::uint32_t from, std::uint32_t length) const;
  };

  Window* find(std::uint32_t segment, Place place);
  Result<void> load(Segment& segment, Place place, std::uint32_t durable_end);
  Window* least_used();

  const std::uint64_t stream_id_;
  const std::uint32_t window_bytes_;
  std::vector<Window> windows_;
  io::Event loaded_;
  std::uint64_t uses_ = 0;
};

}  // namespace perdure::wal
