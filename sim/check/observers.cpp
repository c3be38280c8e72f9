#include "sim/check/observers.h"

#include <fmt/format.h>

namespace perdure::sim {

void Journals::replayed(std::string_view invocation, std::string_view frames) {
  ++attempts_;
  std::string& longest = longest_[std::string(invocation)];
  const bool grew = frames.starts_with(longest);
  if (!grew && !std::string_view(longest).starts_with(frames)) {
    report_({.check = "journal-prefix",
             .subject = "replay",
             .detail = fmt::format("{}: {} bytes now, {} before, and neither begins the other",
                                   invocation, frames.size(), longest.size())});
  }
  if (grew) longest = frames;
}

void Journals::mismatched(std::string_view invocation, std::string_view detail) {
  report_({.check = "journal-mismatch",
           .subject = "replay",
           .detail = fmt::format("{}: {}", invocation, detail)});
}

void Journals::ran(std::string_view, std::string_view) { ++runs_; }

void Journals::awakeable(std::string_view token, std::string_view id) {
  const auto [known, fresh] = awakeables_.emplace(token, id);
  if (!fresh && known->second != id) {
    report_({.check = "stable-answers",
             .subject = "awakeable",
             .detail = fmt::format("{} is {} and {}", token, known->second, id)});
  }
}

void Journals::ended(std::string_view) {}

std::optional<std::string> Journals::awakeable_of(std::string_view token) const {
  const auto found = awakeables_.find(token);
  return found == awakeables_.end() ? std::nullopt : std::optional(found->second);
}

void StateDigests::attach(Recorder& recorder) {
  recorder.observe([this](const TraceEvent& event) {
    if (event.name != "tables.digest") return;
    saw(event.number("partition"), event.number("lsn"), event.number("digest"), event.host);
  });
}

void StateDigests::saw(std::uint64_t partition, std::uint64_t lsn, std::uint64_t digest,
                       std::string_view who) {
  const auto [first, fresh] =
      seen_.emplace(std::pair(partition, lsn), Seen{.digest = digest, .who = std::string(who)});
  if (fresh) return;
  ++compared_;
  if (first->second.digest != digest) {
    report_({.check = "state-equals-replay",
             .subject = "partition",
             .detail = fmt::format("partition {} at {}: {:016x} on {}, {:016x} on {}", partition,
                                   lsn, first->second.digest, first->second.who, digest, who)});
  }
}

}  // namespace perdure::sim
