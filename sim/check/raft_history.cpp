#include "sim/check/raft_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace perdure::sim {

namespace {
constexpr std::uint64_t unseen = 0;  // for a term
}  // namespace

void RaftGroup::see(const TraceEvent& event) {
  if (!event.name.starts_with("raft.")) return;
  if (event.name == "raft.leads") leads(event);
  if (event.name == "raft.appended") appended(event);
  if (event.name == "raft.applied") applied(event);
  if (event.name == "raft.promised") promised(event);
  if (event.name == "raft.restored") restored(event);
  if (event.name == "raft.installed") installed(event);
}

void RaftGroup::fail(std::string_view check, std::string_view who, std::string detail) {
  report_({.check = std::string(check), .subject = std::string(who), .detail = std::move(detail)});
}

void RaftGroup::leads(const TraceEvent& event) {
  const std::uint64_t term = event.number("term");
  const auto [known, first] = leaders_.emplace(term, event.host);
  if (!first && known->second != event.host) {
    return fail("raft-election-safety", event.host,
                fmt::format("leads term {}, and so did {}", term, known->second));
  }
  const Member& leader = members_[std::string(event.host)];
  for (const auto& [index, entry] : committed_) {
    if (entry.first >= term || index <= leader.snapshot) continue;
    const auto has = leader.log.find(index);
    if (has != leader.log.end() && (has->second == entry.first || has->second == unseen)) continue;
    return fail("raft-leader-completeness", event.host,
                fmt::format("leads term {} and lacks {}/t{}, which {} applied", term, index,
                            entry.first, entry.second.who));
  }
}

void RaftGroup::appended(const TraceEvent& event) {
  const std::uint64_t index = event.number("index"), term = event.number("term");
  const Stands stands{
      .hash = event.number("hash"), .after = event.number("after"), .who = std::string(event.host)};
  const auto [known, first] = entries_.emplace(std::pair(index, term), stands);
  if (!first && (known->second.hash != stands.hash || known->second.after != stands.after)) {
    fail("raft-log-matching", event.host,
         fmt::format("{}/t{} follows t{} here and t{} on {}, hashes {:x} and {:x}", index, term,
                     stands.after, known->second.after, known->second.who, stands.hash,
                     known->second.hash));
  }
  Member& member = members_[std::string(event.host)];
  member.log.erase(member.log.lower_bound(index), member.log.end());
  member.log[index] = term;
  member.last = index;
  member.durable = std::min(member.durable, index - 1);  // a leader may overwrite what we held
}

void RaftGroup::applied(const TraceEvent& event) {
  const std::uint64_t index = event.number("index"), term = event.number("term");
  const Stands stands{.hash = event.number("hash"), .after = 0, .who = std::string(event.host)};
  const auto [known, first] = committed_.emplace(index, std::pair(term, stands));
  if (!first && (known->second.first != term || known->second.second.hash != stands.hash)) {
    fail("raft-state-machine", event.host,
         fmt::format("applied {}/t{} with hash {:x}, {} applied t{} with hash {:x}", index, term,
                     stands.hash, known->second.second.who, known->second.first,
                     known->second.second.hash));
  }
}

void RaftGroup::promised(const TraceEvent& event) {
  Member& member = members_[std::string(event.host)];
  const std::uint64_t term = event.number("term");
  if (term > member.term) member.vote = 0;
  member.term = std::max(member.term, term);
  if (event.number("vote") != 0) member.vote = event.number("vote");
  member.durable = std::max(member.durable, event.number("durable"));
}

void RaftGroup::restored(const TraceEvent& event) {
  Member& member = members_[std::string(event.host)];
  const std::uint64_t term = event.number("term"), vote = event.number("vote");
  const std::uint64_t last = event.number("last");
  const bool forgot_vote = term == member.term && member.vote != 0 && vote != member.vote;
  if (term < member.term || forgot_vote || last < member.durable) {
    fail("raft-durability", event.host,
         fmt::format("promised t{}, vote for n{}, entries to {}; after the crash t{}, vote for "
                     "n{}, entries to {}",
                     member.term, member.vote, member.durable, term, vote, last));
  }
  member.log.erase(member.log.upper_bound(last), member.log.end());
  member.last = last;
  member.snapshot = event.number("snapshot");
  // Those that the turn brought in which it died: they are on its disk, and nobody was told.
  const std::uint64_t known = member.log.empty() ? 0 : member.log.rbegin()->first;
  for (std::uint64_t index = std::max(known, member.snapshot) + 1; index <= last; ++index) {
    member.log[index] = unseen;
  }
}

void RaftGroup::installed(const TraceEvent& event) {
  Member& member = members_[std::string(event.host)];
  member.log.clear();
  member.last = member.snapshot = event.number("last");
  member.durable = std::min(member.durable, member.last);
}

// --- registers ---------------------------------------------------------------------------

std::size_t RegisterHistory::begin(RegisterCall call, Nanos now) {
  call.span = {.begin = now, .end = std::nullopt};
  calls_.push_back(std::move(call));
  return calls_.size() - 1;
}

void RegisterHistory::end(std::size_t number, Nanos now, RegisterCall::End how) {
  calls_[number].end = how;
  if (how == RegisterCall::End::unknown) return;
  calls_[number].span.end = now;
  ++done_;
}

std::size_t RegisterHistory::in_doubt() const {
  return static_cast<std::size_t>(std::ranges::count_if(calls_, [](const RegisterCall& call) {
    return !call.is_read && call.end == RegisterCall::End::unknown;
  }));
}

void RegisterHistory::judge() {
  std::set<std::string> keys;
  for (const RegisterCall& call : calls_) keys.insert(call.key);
  for (const std::string& key : keys) {
    std::vector<CallSpan> spans;
    std::vector<const RegisterCall*> calls;
    for (const RegisterCall& call : calls_) {
      if (call.key != key || (call.is_read && !call.span.end)) continue;
      spans.push_back(call.span);
      calls.push_back(&call);
    }
    // The state is "version value".
    const auto model = [&calls](const std::string& state,
                                std::size_t n) -> std::optional<std::string> {
      const RegisterCall& call = *calls[n];
      const std::uint64_t version = std::stoull(state);
      if (call.is_read) {
        return state == fmt::format("{} {}", call.version, call.value) ? std::optional(state)
                                                                       : std::nullopt;
      }
      const bool fits = version == call.version;
      if (call.end == RegisterCall::End::conflict) {
        return fits ? std::nullopt : std::optional(state);
      }
      if (fits) return fmt::format("{} {}", version + 1, call.value);
      return call.end == RegisterCall::End::unknown ? std::optional(state) : std::nullopt;
    };
    const LinearityResult result = linearizable(spans, "0 ", model);
    if (result.verdict == Linearity::unknown) ++undecided_;
    if (result.verdict != Linearity::no) continue;
    std::string story =
        fmt::format("{} calls on '{}', no order fits; the longest that does:\n", calls.size(), key);
    const std::size_t from = result.order.size() > 12 ? result.order.size() - 12 : 0;
    const auto tell = [&](std::size_t n) {
      const RegisterCall& call = *calls[n];
      story += fmt::format(
          "  {:.6f}..{} {} {} {}\n", static_cast<double>(call.span.begin) / 1e9,
          call.span.end ? fmt::format("{:.6f}", static_cast<double>(*call.span.end) / 1e9) : "?",
          call.is_read                              ? "read"
          : call.end == RegisterCall::End::done     ? "write after"
          : call.end == RegisterCall::End::conflict ? "conflict after"
                                                    : "in doubt after",
          call.version, call.value);
    };
    for (std::size_t i = from; i < result.order.size(); ++i) tell(result.order[i]);
    story += "not in it:\n";
    std::size_t told = 0;
    for (std::size_t n = 0; n < calls.size() && told < 8; ++n) {
      if (std::ranges::find(result.order, n) == result.order.end()) tell(n), ++told;
    }
    report_({.check = "metadata-register", .subject = key, .detail = std::move(story)});
  }
}

}  // namespace perdure::sim
