// engine/http/limits.h
//
// Bounds that io::HttpLimits does not have: those of the client, and what both sides
// do against a peer that is idle, slow, or hostile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/time.h"

namespace perdure::http {

struct ClientLimits {
  std::size_t head_bytes = 64 * 1024;             // status line and headers of one answer
  std::size_t body_buffer_bytes = 256 * 1024;     // unsent, one call
  std::size_t stream_window_bytes = 2 << 20;      // unread, one HTTP/2 call (HTTP/1.1: body_buffer)
  std::size_t connection_window_bytes = 5 << 20;  // unread, all calls of a connection
  std::uint32_t streams_per_connection = 128;     // HTTP/2; beyond it another is opened
  std::uint32_t connections_per_target = 1024;    // beyond it calls wait
  Duration connect = std::chrono::seconds(10);
  Duration idle = std::chrono::minutes(5);         // a connection without a call
  Duration ping_after = std::chrono::seconds(40);  // of silence, while calls are open
  Duration ping_answer = std::chrono::seconds(20);
};

inline constexpr std::size_t gather_bytes = 64 * 1024;  // about one write
// How long we read on after our last byte.  Not shorter: what the other side has not
// taken yet is lost when we end.
inline constexpr Duration linger = std::chrono::seconds(60);
// When we stop, a client whose machine has all of its answer keeps the connection for later:
// it is given only a moment to read the answer and to close.
inline constexpr Duration linger_when_arrived = std::chrono::milliseconds(200);
inline constexpr Duration look_for_arrival = std::chrono::milliseconds(25);

// Something that may happen in bursts, but not for ever: `burst` at once, `per_second`
// in the long run.  What the peer does that is useful pays for what is not.
class Allowance {
 public:
  Allowance(std::int64_t burst, std::int64_t per_second)
      : burst_(burst * unit), per_second_(per_second), left_(burst_) {}

  // False: used up.
  bool spend(Instant now) {
    refill(now);
    left_ -= unit;
    return left_ >= 0;
  }
  void earn() { left_ = std::min(burst_, left_ + unit); }

 private:
  static constexpr std::int64_t unit = 1'000'000;  // so that microseconds refill fairly

  void refill(Instant now) {
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - last_).count();
    last_ = now;
    // An hour fills any bucket, and keeps the product small.
    const std::int64_t micros = std::clamp<std::int64_t>(passed, 0, 3'600'000'000);
    left_ = std::min(burst_, left_ + micros * per_second_);
  }

  const std::int64_t burst_, per_second_;
  std::int64_t left_;
  Instant last_;
};

}  // namespace perdure::http
