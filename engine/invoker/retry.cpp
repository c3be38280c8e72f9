#include "engine/invoker/retry.h"

#include <algorithm>

namespace perdure::invoker {
namespace {

constexpr std::chrono::milliseconds longest = std::chrono::days(365);
// What is not the handler's fault is not tried again in a tight loop, whatever it set.
constexpr std::chrono::milliseconds shortest_uncounted{100};

// initial * factor ^ (round - 1), at most the maximum.  Stops multiplying once there.
std::chrono::milliseconds backoff(const wire::EffectiveOptions& options, std::uint32_t round) {
  const std::uint64_t factor_milli = std::max<std::uint64_t>(options.retry_factor_milli, 1000);
  const auto ceiling =
      static_cast<double>(std::max<std::int64_t>(options.retry_max_interval.count(), 0));
  auto delay =
      static_cast<double>(std::max<std::int64_t>(options.retry_initial_interval.count(), 0));
  if (factor_milli > 1000 && delay > 0) {
    for (std::uint32_t i = 1; i < round && delay < ceiling; ++i) {
      delay = delay * static_cast<double>(factor_milli) / 1000;
    }
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(delay, ceiling)));
}

}  // namespace

RetryDecision RetryState::failed(const AttemptFailure& why, const wire::EffectiveOptions& options) {
  if (why.behavior == wire::ErrorBehavior::pause) return PauseNow();
  if (why.behavior == wire::ErrorBehavior::fail) return FailNow();
  ++delays_;
  if (why.counted) ++failures_;
  if (why.counted && options.retry_max_attempts && failures_ >= *options.retry_max_attempts) {
    if (options.retry_on_max_attempts == wire::OnMaxAttempts::kill) return FailNow();
    return PauseNow();
  }
  const std::chrono::milliseconds delay = why.next_retry_delay.value_or(backoff(options, delays_));
  return RetryAfter{
      .delay = std::clamp(delay, why.counted ? delay.zero() : shortest_uncounted, longest)};
}

void RetryState::progressed() {
  failures_ = 0;
  delays_ = 0;
}

void RetryState::stored(Instant now) { last_stored_ = now; }

std::chrono::milliseconds RetryState::since_stored(Instant now) const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - last_stored_);
}

}  // namespace perdure::invoker
