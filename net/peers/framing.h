// net/peers/framing.h
//
// Frames on a connection between nodes:
//
//     length u32 │ check u32 │ kind u8 │ body ...          big-endian
//
//     length   of the body
//     check    low half of XXH3-64 over the body, seeded with kind and length
//
// The dialer's very first bytes are `magic`, which no HTTP request and no TLS record
// begins with: by them one port serves both (node_port.h).
//
// The check is there against what TCP's own sum lets through.  It does not keep a
// stranger out: that is what the handshake is for (handshake.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace perdure::net {

inline constexpr std::string_view magic = "\xF7PD1";

enum class FrameKind : std::uint8_t {
  hello = 1,      // dialer: who I am and whom I want
  challenge = 2,  // acceptor: who I am, and prove that you know the secret
  proof = 3,      // dialer
  welcome = 4,    // acceptor: the shard that was wanted has this connection now
  refusal = 5,    // either: why not; the connection ends
  data = 6,
  ping = 7,
  pong = 8,
};

inline constexpr std::size_t frame_head_bytes = 4 + 4 + 1;
using FrameHead = std::array<char, frame_head_bytes>;
FrameHead frame_head(FrameKind kind, std::string_view body);
std::string whole_frame(FrameKind kind, std::string_view body);

struct WireFrame {
  FrameKind kind{};
  std::string body;
};

// Bytes as they come, cut anyhow, into frames.  After an error nothing more comes.
class FrameDecoder {
 public:
  explicit FrameDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Where the next bytes may be put without a copy; empty: anywhere, and then take().
  std::span<std::byte> room();
  void filled(std::size_t bytes);  // so many were put into room()
  // Errors: corrupt (a check does not hold, a body too large, an unknown kind).
  Result<void> take(std::string_view bytes);
  std::optional<WireFrame> next();

  // Of a connection that goes on elsewhere; before any byte of a body that is not whole.
  void allow(std::size_t body_bytes_max) { body_bytes_max_ = body_bytes_max; }

  // After filled(), as take().
  Result<void> complete();

 private:
  static constexpr std::size_t large = 16 << 10;  // a body for which room() is worth while

  std::size_t body_bytes_max_;
  std::string head_;  // of the frame that comes
  bool in_body_ = false;
  std::size_t got_ = 0;  // of its body
  std::uint32_t check_ = 0;
  WireFrame frame_;
  std::deque<WireFrame> whole_;
};

}  // namespace perdure::net
