#include "engine/log/sealing.h"

#include <algorithm>

#include "engine/base/match.h"

namespace perdure::log {
namespace {

constexpr Duration one_question = std::chrono::seconds(2);     // before it is asked again
constexpr Duration ask_anew = std::chrono::milliseconds(200);  // answers that do not decide
constexpr Duration repair_pause = std::chrono::milliseconds(50);
constexpr std::uint64_t copy_bytes = 256 << 10;                   // in one question, about
constexpr std::uint64_t window_offsets = std::uint64_t{1} << 16;  // of one digest
// Records that are not committed are in some writer's window, which is smaller.
constexpr std::uint64_t uncommitted_max = (std::uint64_t{1} << 20) - 1;

std::vector<TailAnswer> as_answers(const std::map<NodeId, TailReply>& replies,
                                   const States& states) {
  std::vector<TailAnswer> answers;
  for (const auto& [node, reply] : replies) {
    answers.push_back(
        {.node = node,
         .last = reply.last,
         .known_committed = reply.committed,
         .sealed = reply.sealed,
         .authoritative = !reply.lost_data && is_authoritative(state_of(states, node))});
  }
  return answers;
}

std::vector<Digest> as_digests(const std::map<NodeId, DigestReply>& replies, const States& states) {
  std::vector<Digest> digests;
  for (const auto& [node, reply] : replies) {
    digests.push_back(
        {.node = node,
         .trim_point = reply.trim_point,
         .held = reply.held,
         .authoritative = !reply.lost_data && is_authoritative(state_of(states, node)),
         .writable = !reply.takes_no_more});
  }
  return digests;
}

// One loglet of one caller: what every step needs.
class Journey {
 public:
  Journey(const Reach& reach, io::Trace& trace, const Loglet& loglet, Instant deadline)
      : reach_(reach), trace_(trace), loglet_(loglet), deadline_(deadline) {}

  Result<Offset> seal() {
    while (true) {
      TRY(decision,
          ask_tails([this](NodeId node) { return reach_.seal(node, loglet_.id, soon()); }));
      if (const auto* at = std::get_if<SealedAt>(&decision)) return at->last;
      if (const auto* repair = std::get_if<Repair>(&decision)) {
        trace_.event(io::Level::info, "log.repair.started",
                     {{"loglet", loglet_.id.raw()},
                      {"first", repair->first.raw()},
                      {"last", repair->last.raw()}});
        const auto repaired = repair_tail(*repair);
        // A write quorum holds it now.  Asked again, another few might not say so.
        if (repaired) return repair->last;
        if (repaired.error().code == Code::cancelled) {
          return std::unexpected(repaired.error());
        }
      }
      TRY_VOID(pause(repair_pause));
    }
  }

  Result<TailDecision> look() {
    return ask_tails(
        [this](NodeId node) { return reach_.tail(node, {.loglet = loglet_.id}, soon()); });
  }

  Result<Scrubbed> scrub(Offset first, Offset last) {
    Scrubbed scrubbed;
    while (first <= last) {
      const Offset end = std::min(last, first + (window_offsets - 1));
      TRY(plan, plan_of({.first = first, .last = end, .aim = Aim::copies}));
      scrubbed.records += end - first + 1;
      for (const CopyOrder& order : plan.orders) {
        // All of it is committed, so every node may take it in any order.
        TRY_VOID(carry_out(order, order.last));
        scrubbed.copied += (order.last - order.first + 1) * order.to.size();
      }
      first = end.next();
    }
    return scrubbed;
  }

 private:
  Instant soon() const { return std::min(deadline_, reach_.fibers.now() + one_question); }

  Result<void> pause(Duration span) {
    if (reach_.fibers.now() >= deadline_) {
      return fail(Code::timed_out, "loglet " + std::to_string(loglet_.id.raw()) +
                                       ": its nodes do not answer, or too few of them");
    }
    return reach_.fibers.sleep_until(std::min(deadline_, reach_.fibers.now() + span));
  }

  Placement placement() const {
    return effective(loglet_.nodeset, loglet_.replication, reach_.states());
  }

  Placement lasting_placement() const {
    return lasting(loglet_.nodeset, loglet_.replication, reach_.states());
  }

  // Until the answers decide; AskMore only when time is up for these.
  Result<TailDecision> ask_tails(Survey<TailReply>::Ask ask) {
    const Placement place = placement();
    while (true) {
      Survey<TailReply> survey(reach_.fibers, place.nodeset, ask);
      auto decision = decide(survey, place);
      survey.stop();
      if (!decision) return std::unexpected(decision.error());
      const bool decided = !std::holds_alternative<AskMore>(*decision) &&
                           !std::holds_alternative<SealFirst>(*decision);
      if (decided) return *decision;
      TRY_VOID(pause(ask_anew));
    }
  }

  // Waits for more answers while more may come; then a little, and gives up on these.
  Result<TailDecision> decide(Survey<TailReply>& survey, const Placement& place) {
    TailDecision decision = AskMore();
    Instant until = deadline_;
    while (true) {
      auto woken = survey.wait(until);
      if (!woken && woken.error().code == Code::cancelled) return std::unexpected(woken.error());
      const auto answers = as_answers(survey.answers(), reach_.states());
      decision = find_tail(place.nodeset, place.replication, answers, lasting_placement());
      const bool open_question =
          std::holds_alternative<AskMore>(decision) || std::holds_alternative<SealFirst>(decision);
      if (!open_question || !woken) return decision;
      const bool all_answered = answers.size() == place.nodeset.size();
      if (all_answered) return decision;
      Nodes answered;
      for (const TailAnswer& answer : answers) answered.push_back(answer.node);
      if (is_f_majority(place.nodeset, place.replication, answered)) {
        until = std::min(until, reach_.fibers.now() + ask_anew);
      }
    }
  }

  // --- repairing ---

  Result<void> repair_tail(const Repair& repair) {
    Offset first = repair.first;
    if (repair.last - Offset(0) > uncommitted_max && first < repair.last) {
      first = std::max(first, Offset(repair.last.raw() - uncommitted_max));
    }
    TRY(plan, plan_of({.first = first, .last = repair.last, .aim = Aim::tail}));
    Offset committed = plan.committed;
    for (const CopyOrder& order : plan.orders) {
      TRY_VOID(carry_out(order, std::max(committed, order.first.prev())));
      committed = order.last;
    }
    return {};
  }

  Result<RepairPlan> plan_of(RepairRange range) {
    const Placement place = placement();
    Survey<DigestReply> survey(reach_.fibers, place.nodeset, [&](NodeId node) {
      return reach_.digest(node, {.loglet = loglet_.id, .first = range.first, .last = range.last},
                           soon());
    });
    Result<RepairPlan> plan = decide(survey, place, range);
    survey.stop();
    return plan;
  }

  Result<RepairPlan> decide(Survey<DigestReply>& survey, const Placement& place,
                            RepairRange range) {
    Instant until = deadline_;
    while (true) {
      auto woken = survey.wait(until);
      if (!woken && woken.error().code == Code::cancelled) return std::unexpected(woken.error());
      const auto digests = as_digests(survey.answers(), reach_.states());
      const RepairDecision decision =
          plan_repair(place.nodeset, place.replication, digests, range, lasting_placement());
      const bool all_answered = digests.size() == place.nodeset.size();
      const auto* plan = std::get_if<RepairPlan>(&decision);
      // A scrub waits for all who can answer: a copy elsewhere is one less to make.
      if (plan != nullptr && (range.aim == Aim::tail || all_answered || !woken)) return *plan;
      if (all_answered || !woken) return not_planned(decision);
      if (plan != nullptr) until = std::min(until, reach_.fibers.now() + one_question);
    }
  }

  std::unexpected<Error> not_planned(const RepairDecision& decision) const {
    const std::string name = "loglet " + std::to_string(loglet_.id.raw());
    if (const auto* stuck = std::get_if<Stuck>(&decision)) {
      trace_.event(io::Level::warn, "log.repair.stuck",
                   {{"loglet", loglet_.id.raw()}, {"offset", stuck->at.raw()}});
      return fail(Code::corrupt, name + ": offset " + std::to_string(stuck->at.raw()) +
                                     " is on none of its nodes");
    }
    return fail(Code::timed_out, name + ": too few nodes say what they hold");
  }

  // Oldest first; `committed` lets the first in where there is a hole before it.
  Result<void> carry_out(const CopyOrder& order, Offset committed) {
    Offset first = order.first;
    while (first <= order.last) {
      TRY(records, read(order, first));
      const Offset last = first + (records.size() - 1);
      for (const NodeId to : order.to) {
        TRY(stored, reach_.repair(to,
                                  {.loglet = loglet_.id,
                                   .first = first,
                                   .committed = std::max(committed, first.prev()),
                                   .records = records},
                                  deadline_));
        (void)stored;
      }
      first = last.next();
    }
    trace_.event(
        io::Level::info, "log.records.copied",
        {{"loglet", loglet_.id.raw()}, {"first", order.first.raw()}, {"last", order.last.raw()}});
    return {};
  }

  Result<std::vector<std::string>> read(const CopyOrder& order, Offset first) {
    std::optional<Error> why;
    for (const NodeId from : order.from) {
      auto reply = reach_.read(
          from, {.loglet = loglet_.id, .first = first, .last = order.last, .bytes_max = copy_bytes},
          soon());
      if (reply && !reply->records.empty()) return std::move(reply->records);
      if (!reply) why = reply.error();
      if (why && why->code == Code::cancelled) break;
    }
    if (why) return std::unexpected(*why);
    return fail(Code::retry_later, "those who held it hold it no more");
  }

  const Reach& reach_;
  io::Trace& trace_;
  const Loglet& loglet_;
  const Instant deadline_;
};

}  // namespace

Result<Offset> seal_loglet(const Reach& reach, io::Trace& trace, const Loglet& loglet,
                           Instant deadline) {
  return Journey(reach, trace, loglet, deadline).seal();
}

Result<TailDecision> look_for_tail(const Reach& reach, const Loglet& loglet, Instant deadline) {
  struct Nothing final : io::Trace {
    bool wants(io::Level) const override { return false; }
    void event(io::Level, std::string_view, std::initializer_list<io::Field>) override {}
    void count(std::string_view, std::uint64_t) override {}
  } untold;  // looking is no event
  return Journey(reach, untold, loglet, deadline).look();
}

Result<Scrubbed> scrub_loglet(const Reach& reach, io::Trace& trace, const Loglet& loglet,
                              Offset first, Offset last, Instant deadline) {
  return Journey(reach, trace, loglet, deadline).scrub(first, last);
}

}  // namespace perdure::log
