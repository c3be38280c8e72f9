#include "sim/check/observers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/wire/service_protocol.h"

namespace perdure::sim {

void Journals::started(std::string_view invocation, std::string_view told) {
  if (many_lives_.contains(invocation)) return;
  const auto [known, fresh] = started_.emplace(invocation, told);
  if (!fresh && known->second != told) {
    report_({.check = "start-differs",
             .subject = "replay",
             .detail = fmt::format("{}: {}, then {}", invocation, known->second, told)});
  }
}

void Journals::replayed(std::string_view invocation, std::string_view frames) {
  ++attempts_;
  if (many_lives_.contains(invocation)) return check_told_once(invocation, frames);
  std::string& longest = longest_[std::string(invocation)];
  const bool grew = frames.starts_with(longest);
  if (!grew && !std::string_view(longest).starts_with(frames)) {
    report_({.check = "journal-prefix",
             .subject = "replay",
             .detail = fmt::format("{}: {} bytes now, {} before, and neither begins the other",
                                   invocation, frames.size(), longest.size())});
  }
  if (!grew) return;
  longest = frames;
  check_told_once(invocation, frames);
}

// What a handler was told stands: a second word on the same would be another truth.
void Journals::check_told_once(std::string_view invocation, std::string_view frames) {
  std::set<std::pair<std::size_t, std::uint32_t>> told;  // completion or signal, and its number
  while (const auto frame = wire::next_frame(frames)) {
    if (!wire::is_notification(frame->header.type)) continue;
    const auto notification = wire::decode<wire::Notification>(frame->payload);
    if (!notification) continue;
    const auto* completion = std::get_if<1>(&notification->id);
    const auto* signal = std::get_if<2>(&notification->id);
    if (completion == nullptr && (signal == nullptr || *signal == wire::cancel_signal)) continue;
    const std::uint32_t number = completion != nullptr ? *completion : *signal;
    if (told.emplace(notification->id.index(), number).second) continue;
    report_({.check = "journal-twice",
             .subject = "replay",
             .detail = fmt::format("{}: {} {} stands twice in the journal", invocation,
                                   completion != nullptr ? "completion" : "signal", number)});
  }
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

void Journals::forget(std::string_view invocation) {
  const std::string id(invocation);
  longest_.erase(id);
  started_.erase(id);
  over_.erase(id);
}

void Journals::ended(std::string_view invocation) { over_.emplace(invocation); }

void Journals::began(std::string_view invocation, std::string_view service, std::string_view key,
                     std::string_view handler, bool exclusive) {
  const std::string place = fmt::format("{}/{}/{}", service, key, handler);
  const auto earliest = earliest_.find(place);
  if (earliest != earliest_.end() && now_ && now_() < earliest->second) {
    report_({.check = "timer-early",
             .subject = "began",
             .detail = fmt::format("{} began {} ms too early", place,
                                   (earliest->second - now_()) / 1'000'000)});
  }
  if (lives_again_.contains(service)) many_lives_.emplace(invocation);
  if (!exclusive || over_.contains(invocation)) return;  // a late attempt at what is over
  const std::string object = fmt::format("{}/{}", service, key);
  if (not_exclusive_.contains(object)) return;
  std::string& holder = holders_[object];
  if (!holder.empty() && holder != invocation && !over_.contains(holder)) {
    report_({.check = "per-key-exclusion",
             .subject = std::string(service),
             .detail = fmt::format("{} begins while {} has {}", invocation, holder, object)});
  }
  holder = invocation;
}

std::optional<std::string> Journals::awakeable_of(std::string_view token) const {
  const auto found = awakeables_.find(token);
  return found == awakeables_.end() ? std::nullopt : std::optional(found->second);
}

void Epochs::attach(Recorder& recorder) {
  recorder.observe([this](const TraceEvent& event) {
    if (event.name != "processor.leader.announced") return;
    const std::uint64_t partition = event.number("partition"), epoch = event.number("epoch");
    const std::string host(event.host);
    std::uint64_t& last = last_[{host, partition}];
    if (epoch <= last) {
      report_({.check = "epochs-grow",
               .subject = "partition",
               .detail = fmt::format("partition {} was led by {} in epoch {}, and is led in {}",
                                     partition, host, last, epoch)});
    }
    last = std::max(last, epoch);
    const auto [before, first] = announced_.emplace(std::pair(partition, epoch), host);
    if (!first) {
      report_({.check = "epoch-unique",
               .subject = "partition",
               .detail = fmt::format("partition {} is led in epoch {} by {}, and was by {}",
                                     partition, epoch, host, before->second)});
    }
    std::string& leader = leader_[partition];
    if (!leader.empty() && leader != host) ++moves_;
    leader = host;
  });
}

}  // namespace perdure::sim
