// engine/log/patience.h
//
// How long to wait for one node's answer to a store, learned from its last answers.
//
//     hedge after   twice its p99        between least and most
//     resend after  eight times its p99  between least and most, doubled at each failure
//
// Fixed timeouts make storms of repeats when a network is slow, and long silences when it
// is fast (restate 1.7.0).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/base/time.h"

namespace perdure::log {

class Patience {
 public:
  static constexpr Duration hedge_least = std::chrono::milliseconds(10);
  static constexpr Duration hedge_most = std::chrono::seconds(1);
  static constexpr Duration resend_least = std::chrono::milliseconds(100);
  static constexpr Duration resend_most = std::chrono::seconds(4);

  void answered(Duration after) {
    samples_[taken_++ % samples_.size()] = after;
    failures_ = 0;
  }
  void failed() { failures_ = std::min(failures_ + 1, 5u); }
  std::uint32_t failures() const { return failures_; }

  // Before there are answers: as if they had taken a while.
  Duration p99() const {
    const std::size_t known = std::min<std::size_t>(taken_, samples_.size());
    if (known < 8) return std::chrono::milliseconds(50);
    return *std::max_element(samples_.begin(), samples_.begin() + static_cast<long>(known));
  }
  Duration hedge_after() const { return std::clamp(p99() * 2, hedge_least, hedge_most); }
  Duration resend_after() const {
    const Duration once = std::clamp(p99() * 8, resend_least, resend_most);
    return std::min(once * (1 << failures_), resend_most);
  }

 private:
  std::array<Duration, 64> samples_{};  // of 64 the highest is about the p99
  std::uint64_t taken_ = 0;
  std::uint32_t failures_ = 0;
};

}  // namespace perdure::log
