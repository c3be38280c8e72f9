// Sleep: a row before it is a timer, so that a new leader wakes the handler too.
#include "engine/processor/entries.h"

namespace perdure::processor {

void sleep(Context& context, Live& live, const wire::SleepCommand& sleep) {
  constexpr std::uint64_t latest = std::uint64_t{1} << 52;  // a date no clock shows
  const WallTime due(
      std::chrono::milliseconds(static_cast<std::int64_t>(std::min(sleep.wake_up_time, latest))));
  if (due <= context.at) {
    return context.complete(live, wire::MessageType::sleep_completion, sleep.result_completion_id,
                            wire::Void{});
  }
  context.change(live).open_sleeps.push_back(
      {.due = due, .completion_id = sleep.result_completion_id});
  context.add_timer({.due = due, .id = live.id, .completion_id = sleep.result_completion_id});
}

}  // namespace perdure::processor
