#include "engine/control/metadata_client.h"

#include <algorithm>

namespace perdure::control {
namespace {

// From one who names the leader to the next, without a pause: more would be a circle of
// members that are all behind.
constexpr std::uint32_t hops_max = 2;

// Whatever says that this member could not or would not answer; another may.
bool goes_on(Code code) {
  switch (code) {
    case Code::retry_later:
    case Code::retry_elsewhere:
    case Code::timed_out:
    case Code::not_found:  // no such node to be reached
    case Code::failed: return true;
    case Code::fenced:
    case Code::conflict:
    case Code::invalid:
    case Code::corrupt:
    case Code::full:
    case Code::cancelled: return false;
  }
  return false;
}

}  // namespace

MetadataClient::MetadataClient(io::Fibers& fibers, Members& members, Candidates candidates,
                               Options options)
    : fibers_(fibers), members_(members), candidates_(std::move(candidates)), options_(options) {}

MetadataClient::MetadataClient(io::Fibers& fibers, Members& members, Candidates candidates)
    : MetadataClient(fibers, members, std::move(candidates), Options()) {}

std::optional<NodeId> MetadataClient::whom() {
  if (leader_) return leader_;
  const std::vector<NodeId> candidates = candidates_();
  if (candidates.empty()) return std::nullopt;
  return candidates[turn_++ % candidates.size()];
}

Result<std::string> MetadataClient::ask(const std::string& question, Instant deadline) {
  std::uint32_t hops = 0;  // since the last pause
  for (;;) {
    const std::optional<NodeId> to = whom();
    if (to) {
      const Instant until = std::min(deadline, fibers_.now() + options_.patience);
      Result<std::string> answer = members_.ask(*to, question, until);
      if (answer) {
        leader_ = to;
        return answer;
      }
      if (!goes_on(answer.error().code)) return answer;
      const std::optional<NodeId> named = leader_named_in(answer.error());
      const bool news = named && named != to && named != leader_;
      leader_ = named == to ? std::nullopt : named;
      if (news && hops++ < hops_max && fibers_.now() < deadline) continue;
    }
    if (fibers_.now() + options_.pause >= deadline) {
      return fail(Code::timed_out, "no leader of the metadata group has answered");
    }
    hops = 0;
    TRY_VOID(fibers_.sleep_until(fibers_.now() + options_.pause));
  }
}

Result<Versioned> MetadataClient::get(std::string_view key, Instant deadline) {
  TRY(answer,
      ask(wire::encode(MetadataQuestion{.is = GetWords{.key = std::string(key)}}), deadline));
  return versioned_of(answer);
}

Result<void> MetadataClient::compare_and_set(Proposal proposal, Instant deadline) {
  TRY(answer, ask(question_of(std::move(proposal)), deadline));
  (void)answer;
  return {};
}

// A member waits shorter than we may want to; then it says timed_out, and is asked again.
Result<Versioned> MetadataClient::wait_newer(std::string_view key, std::uint64_t seen,
                                             Instant deadline) {
  TRY(answer,
      ask(wire::encode(MetadataQuestion{.is = WatchWords{.key = std::string(key), .seen = seen}}),
          deadline));
  return versioned_of(answer);
}

Result<void> MetadataClient::act(GroupAct act, NodeId node, Instant deadline) {
  TRY(answer,
      ask(wire::encode(MetadataQuestion{.is = ActWords{.act = act, .node = node}}), deadline));
  (void)answer;
  return {};
}

}  // namespace perdure::control
