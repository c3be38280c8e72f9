// engine/invoker/frame_reader.h
//
// Frames out of a stream that was cut anywhere.
//
//     fed        [ 8-byte header | payload ][ header | pay        the rest comes later
//                 └──── next() ────────────┘└── kept ──┘
//
// A frame that came whole in one piece is not copied.  What is held is at most one
// unfinished frame and one piece; a frame whose payload is `payload_max` or longer is
// never waited for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/wire/service_protocol.h"

namespace perdure::invoker {

class FrameReader {
 public:
  explicit FrameReader(std::uint32_t payload_max) : payload_max_(payload_max) {}

  // Views that next() gave out end here.
  void feed(std::string piece) {
    if (at_ == held_.size()) {
      held_ = std::move(piece);
    } else {
      held_.erase(0, at_).append(piece);
    }
    at_ = 0;
  }

  std::optional<wire::FrameView> next() {
    std::string_view rest = std::string_view(held_).substr(at_);
    const std::optional<wire::FrameView> frame = wire::next_frame(rest);
    if (frame) at_ = held_.size() - rest.size();
    return frame;
  }

  // The frame that comes next is longer than is allowed; its length.
  std::optional<std::uint32_t> oversized() const {
    const std::string_view rest = std::string_view(held_).substr(at_);
    if (rest.size() < wire::frame_header_bytes) return std::nullopt;
    const std::uint32_t length = wire::read_frame_header(rest).length;
    return length >= payload_max_ ? std::optional(length) : std::nullopt;
  }

  std::size_t bytes_held() const { return held_.size(); }
  bool between_frames() const { return at_ == held_.size(); }

 private:
  const std::uint32_t payload_max_;
  std::string held_;
  std::size_t at_ = 0;  // of the first byte not given out
};

}  // namespace perdure::invoker
