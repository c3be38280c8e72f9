#include "engine/admin/restart.h"

#include <algorithm>
#include <vector>

namespace perdure::admin {
namespace {

// Replaying draws random numbers from the seed in the same order only since this one.
constexpr std::uint32_t protocol_of_prefixes = 6;

// The completions that a command is answered by; none for most.
std::vector<std::uint32_t> completions_of(const wire::FrameView& frame) {
  using enum wire::MessageType;
  switch (frame.header.type) {
    case get_lazy_state_command:
    case get_lazy_state_keys_command:
    case get_promise_command:
    case peek_promise_command:
    case complete_promise_command:
    case sleep_command:
    case run_command:
    case attach_invocation_command:
    case get_invocation_output_command: {  // all have it under the same number
      const auto command = wire::decode<wire::CompletableCommand>(frame.payload);
      if (!command) return {};
      return {command->result_completion_id};
    }
    case call_command: {
      const auto command = wire::decode<wire::CallCommand>(frame.payload);
      if (!command) return {};
      return {command->invocation_id_notification_idx, command->result_completion_id};
    }
    case one_way_call_command: {
      const auto command = wire::decode<wire::OneWayCallCommand>(frame.payload);
      if (!command) return {};
      return {command->invocation_id_notification_idx};
    }
    default: return {};
  }
}

std::optional<std::uint32_t> completion_in(const wire::FrameView& frame) {
  if (!wire::is_notification(frame.header.type)) return std::nullopt;
  const auto notification = wire::decode<wire::Notification>(frame.payload);
  if (!notification || notification->id.index() != 1) return std::nullopt;
  return std::get<1>(notification->id);
}

void append(std::string& frames, const wire::FrameView& frame) {
  wire::put_frame(frames, frame.header.type, frame.payload, frame.header.flags);
}

// Entries up to `from`, and the completions of theirs that came later; nothing when the journal
// has not that many, or not all of those.
std::optional<std::string> prefix(std::string_view journal, std::uint64_t from) {
  std::string taken;
  std::vector<std::uint32_t> open;
  std::uint64_t index = 0;
  while (const auto frame = wire::next_frame(journal)) {
    const auto completion = completion_in(*frame);
    const bool answers = completion && std::erase(open, *completion) > 0;
    if (index <= from) {
      for (const std::uint32_t id : completions_of(*frame)) open.push_back(id);
    }
    if (index <= from || answers) append(taken, *frame);
    ++index;
    if (index > from && open.empty()) break;
  }
  if (index <= from || !open.empty()) return std::nullopt;
  return taken;
}

std::string range_of(const wire::Deployment& deployment) {
  return std::to_string(deployment.min_protocol_version) +
         "..=" + std::to_string(deployment.max_protocol_version);
}

// Why it cannot run there.
std::optional<Refused> misplaced(const Restart& restart, const Past& past) {
  const std::string id = restart.id.text();
  if (!restart.on_given) return std::nullopt;
  if (!restart.on) {
    return Refused{.status = 400,
                   .message =
                       "The given deployment was not found when trying to restart as new "
                       "the invocation '" +
                       id + "'."};
  }
  const wire::Deployment& on = *restart.on;
  const bool speaks =
      past.protocol_version == 0 || (on.min_protocol_version <= past.protocol_version &&
                                     past.protocol_version <= on.max_protocol_version);
  if (speaks) return std::nullopt;
  return Refused{.status = 400,
                 .message = "The invocation '" + id + "' is running on protocol version '" +
                            std::to_string(past.protocol_version) +
                            "', while the chosen deployment '" + on.id.text() +
                            "' supports the range " + range_of(on) + "."};
}

}  // namespace

std::variant<Refused, wire::Invoke> restarted(const Restart& restart, Past past) {
  const std::string id = restart.id.text();
  if (past.journal.empty()) {
    return Refused{.status = 410,
                   .message = "The invocation '" + id +
                              "' cannot be restarted because the input is not available. This "
                              "indicates that the journal was already purged, or not retained at "
                              "all."};
  }
  const bool whole = restart.from == 0;
  if (past.target.service_type == wire::ServiceType::workflow ||
      (!whole && past.protocol_version < protocol_of_prefixes)) {
    return Refused{.status = 422,
                   .message = "Restarting the invocation '" + id +
                              "' is not supported. Restarting workflows is not supported, and "
                              "restarting invocations created using the old service protocol."};
  }
  if (auto refused = misplaced(restart, past)) return std::move(*refused);
  std::optional<std::string> taken = prefix(past.journal, restart.from);
  if (!taken) {
    return Refused{.status = 400,
                   .message = "The prefix of the journal '" + id +
                              "' up to 'from' (included) contains some Commands without "
                              "respective Completions."};
  }

  wire::Inherited inherited{.journal = std::move(*taken)};
  if (past.pinned) {  // else it never began: it is pinned when it does
    inherited.deployment = restart.on ? restart.on->id : *past.pinned;
    inherited.protocol_version = past.protocol_version;
  }
  return wire::Invoke{.id = restart.as,
                      .target = std::move(past.target),
                      .retention = past.retention,
                      // What a replayed prefix drew must come out the same again.
                      .random_seed = whole ? restart.random_seed : past.random_seed,
                      .traceparent = std::move(past.traceparent),
                      .inherited = std::move(inherited)};
}

}  // namespace perdure::admin
