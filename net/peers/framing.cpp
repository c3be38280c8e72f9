#include "net/peers/framing.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace perdure::net {
namespace {

std::uint32_t check_of(FrameKind kind, std::string_view body) {
  const std::uint64_t seed = std::uint64_t{body.size()} << 8 | static_cast<std::uint8_t>(kind);
  return static_cast<std::uint32_t>(hash64(body, seed));
}

}  // namespace

FrameHead frame_head(FrameKind kind, std::string_view body) {
  std::string text;
  put_be(text, static_cast<std::uint32_t>(body.size()));
  put_be(text, check_of(kind, body));
  text.push_back(static_cast<char>(kind));
  FrameHead head;
  std::ranges::copy(text, head.begin());
  return head;
}

std::string whole_frame(FrameKind kind, std::string_view body) {
  const FrameHead head = frame_head(kind, body);
  std::string frame(head.begin(), head.end());
  return frame.append(body);
}

std::span<std::byte> FrameDecoder::room() {
  if (!in_body_ || frame_.body.size() - got_ < large) return {};
  return std::as_writable_bytes(std::span(frame_.body)).subspan(got_);
}

void FrameDecoder::filled(std::size_t bytes) {
  CHECK(in_body_);
  CHECK(bytes <= frame_.body.size() - got_);
  got_ += bytes;
}

Result<void> FrameDecoder::complete() {
  if (!in_body_ || got_ < frame_.body.size()) return {};
  if (check_of(frame_.kind, frame_.body) != check_) {
    return fail(Code::corrupt, "the check of a frame does not hold");
  }
  whole_.push_back(std::exchange(frame_, {}));
  in_body_ = false;
  got_ = 0;
  return {};
}

Result<void> FrameDecoder::take(std::string_view bytes) {
  while (true) {
    if (!in_body_) {
      const std::size_t part = std::min(bytes.size(), frame_head_bytes - head_.size());
      head_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      if (head_.size() < frame_head_bytes) return {};
      const std::string head = std::exchange(head_, {});
      const std::size_t size = get_be<std::uint32_t>(head);
      const auto kind = static_cast<std::uint8_t>(head.back());
      const bool known = kind >= static_cast<std::uint8_t>(FrameKind::hello) &&
                         kind <= static_cast<std::uint8_t>(FrameKind::pong);
      if (!known) return fail(Code::corrupt, "unknown kind of frame");
      if (size > body_bytes_max_) {
        return fail(Code::corrupt, "a frame of " + std::to_string(size) + " bytes is too large");
      }
      check_ = get_be<std::uint32_t>(std::string_view(head).substr(4));
      frame_ = {.kind = static_cast<FrameKind>(kind), .body = std::string(size, '\0')};
      in_body_ = true;
      got_ = 0;
    }
    const std::size_t part = std::min(bytes.size(), frame_.body.size() - got_);
    if (part > 0) std::memcpy(frame_.body.data() + got_, bytes.data(), part);
    got_ += part;
    bytes.remove_prefix(part);
    TRY_VOID(complete());
    if (bytes.empty()) return {};
  }
}

std::optional<WireFrame> FrameDecoder::next() {
  if (whole_.empty()) return std::nullopt;
  WireFrame frame = std::move(whole_.front());
  whole_.pop_front();
  return frame;
}

}  // namespace perdure::net
