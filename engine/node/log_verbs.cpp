#include "engine/node/log_verbs.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "engine/base/match.h"
#include "engine/io/clock.h"
#include "engine/io/peers.h"
#include "engine/log/sealing.h"
#include "engine/node/log_text.h"
#include "engine/node/rooms.h"

namespace perdure::node {
namespace {

using Rooms = Shard::Rooms;

constexpr Duration patience = std::chrono::seconds(20);
constexpr Duration drain_patience = std::chrono::seconds(2);
constexpr std::uint64_t records_most = 10'000;  // in one answer
constexpr std::size_t answer_bytes_max = 4 << 20;
constexpr std::size_t read_bytes = 256 << 10;

enum class LogVerb : std::uint8_t { chains = 1, tail, records, seal, reconfigure, trim };

// The question of shard 0 to the partition's shard.
struct LogQuestion {
  LogVerb verb = LogVerb::chains;
  PartitionId partition;
  Lsn lsn;                 // records: from; trim: to
  std::uint64_t most = 0;  // records
  static constexpr auto fields = std::tuple(wire::field(1, "verb", &LogQuestion::verb),
                                            wire::field(2, "partition", &LogQuestion::partition),
                                            wire::field(3, "lsn", &LogQuestion::lsn),
                                            wire::field(4, "most", &LogQuestion::most));
};

// --- reading the question ----------------------------------------------------------------

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The number behind `name=` of a query; `otherwise` when it is not said.
Result<std::uint64_t> number_of(std::string_view query, std::string_view name,
                                std::optional<std::uint64_t> otherwise) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    if (!part.starts_with(name) || !part.substr(name.size()).starts_with('=')) continue;
    if (const auto number = number_in(part.substr(name.size() + 1))) return *number;
    return fail(Code::invalid, std::string(name) + " must be a number");
  }
  if (otherwise) return *otherwise;
  return fail(Code::invalid, "the query must say " + std::string(name) + "=");
}

// Nothing for all partitions.
Result<std::optional<LogQuestion>> parse(std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query =
      path.size() < target.size() ? target.substr(path.size() + 1) : std::string_view();
  std::string_view rest = path.substr(std::string_view("/log").size());
  const bool changes = method == "POST";
  if ((rest.empty() || rest == "/") && !changes) return std::optional<LogQuestion>();
  if (!rest.empty()) rest.remove_prefix(1);
  const std::string_view digits = rest.substr(0, rest.find('/'));
  const std::string_view word =
      digits.size() < rest.size() ? rest.substr(digits.size() + 1) : std::string_view();
  const auto partition = number_in(digits);
  const auto unknown = fail(Code::not_found, "there is no " + std::string(method) + " " +
                                                 std::string(path) + " on the node port");
  if (!partition) return unknown;
  LogQuestion question{.partition = PartitionId(*partition)};
  if (!changes && word.empty()) return question;
  if (!changes && word == "tail") {
    question.verb = LogVerb::tail;
  } else if (!changes && word == "records") {
    question.verb = LogVerb::records;
    TRY(from, number_of(query, "from", 1));
    TRY(most, number_of(query, "most", 100));
    question.lsn = Lsn(from);
    question.most = std::min(most, records_most);
  } else if (changes && word == "seal") {
    question.verb = LogVerb::seal;
  } else if (changes && word == "reconfigure") {
    question.verb = LogVerb::reconfigure;
  } else if (changes && word == "trim") {
    question.verb = LogVerb::trim;
    TRY(to, number_of(query, "to", std::nullopt));
    question.lsn = Lsn(to);
  } else {
    return unknown;
  }
  return question;
}

// --- on the partition's shard ------------------------------------------------------------

class Answering {
 public:
  Answering(Rooms& rooms, const LogQuestion& question)
      : r_(rooms), question_(question), deadline_(rooms.world.clock.steady() + patience) {}

  Result<std::string> answer() {
    switch (question_.verb) {
      case LogVerb::chains: return describe();
      case LogVerb::tail: return tail();
      case LogVerb::records: return records();
      case LogVerb::seal: return seal();
      case LogVerb::reconfigure: return reconfigure();
      case LogVerb::trim: return trim();
    }
    return fail(Code::invalid, "a verb of another version");
  }

 private:
  PartitionId partition() const { return question_.partition; }
  std::string name() const { return "partition " + std::to_string(partition().raw()); }

  Result<log::VersionedChain> chain() {
    TRY(chains, r_.chains->read({partition()}));
    if (chains.front().version == 0) return fail(Code::not_found, name() + " has no log yet");
    return chains.front();
  }

  std::shared_ptr<Replica> replica() {
    const auto found = r_.replicas->all().find(partition());
    return found == r_.replicas->all().end() ? nullptr : found->second;
  }
  // The log, when this node writes it.
  std::shared_ptr<log::Log> writer() {
    const std::shared_ptr<Replica> here = replica();
    const std::shared_ptr<log::Log> log = here == nullptr ? nullptr : here->log();
    return log == nullptr || log->ended() ? nullptr : log;
  }
  std::unexpected<Error> elsewhere(const log::Chain& chain) const {
    const NodeId by = chain.loglets.back().sequencer;
    return fail(Code::retry_elsewhere, name() + " is not written here: its open loglet is node " +
                                           std::to_string(by.raw()) + "'s");
  }

  log::Reach reach() {
    const auto store = r_.loglets.find(r_.layout.stream_of(partition()));
    return {.self = r_.layout.node,
            .here = store == r_.loglets.end() ? nullptr : store->second.get(),
            .servers = r_.log_servers.get(),
            .fibers = r_.world.fibers};
  }

  Result<std::string> describe() {
    TRY(found, chain());
    std::string out;
    append_chain(out, partition(), found);
    return out;
  }

  // --- the tail ---

  std::string tail_text(Lsn tail, std::string_view state, std::string_view by) const {
    std::string out;
    {
      JsonObject object(out);
      object.number("id", partition().raw());
      object.number("tail", tail.raw());
      object.text("state", state);
      object.text("by", by);
    }
    return out;
  }

  Result<std::string> tail() {
    TRY(found, chain());
    if (found.chain.sealed_tail != Lsn(0)) {
      return tail_text(found.chain.sealed_tail, "sealed", "chain");
    }
    if (const auto log = writer()) {
      return tail_text(log->committed().next(), "open", "writer");
    }
    const log::Loglet& last = found.chain.loglets.back();
    const log::Reach copies = reach();
    TRY(decision, log::look_for_tail(copies, last, deadline_));
    using Answer = Result<std::string>;
    const auto at = [&](Offset end) { return last.base + (end - Offset(0)); };
    return match(
        decision,
        [&](const log::AskMore&) -> Answer {
          return fail(Code::timed_out, "too few copies answer");
        },
        [&](const log::SealFirst&) -> Answer {
          return tail_text(last.base, "being sealed", "copies");
        },
        [&](const log::SealedAt& end) -> Answer {
          return tail_text(at(end.last), "sealed", "copies");
        },
        [&](const log::OpenAt& end) -> Answer {
          return tail_text(at(end.last), "open, at least", "copies");
        },
        [&](const log::Repair& repair) -> Answer {
          return tail_text(at(repair.first.prev()), "to be repaired, at least", "copies");
        });
  }

  Result<std::string> records() {
    TRY(found, chain());
    const std::shared_ptr<log::Log> log = writer();
    if (log == nullptr) return elsewhere(found.chain);
    std::string out;
    Lsn at = std::max(question_.lsn, log->trim_point().next());
    for (std::uint64_t left = question_.most; left > 0 && out.size() < answer_bytes_max;) {
      TRY(some, log->read(at, read_bytes));
      if (some.empty()) break;
      for (const auto& [lsn, bytes] : some) {
        if (left-- == 0) return out;
        {
          JsonObject line(out);
          line.number("lsn", lsn.raw());
          put_record(line, bytes);
        }
        out += '\n';
        at = lsn.next();
      }
    }
    return out;
  }

  // --- changes ---

  Result<std::string> seal() {
    TRY(sealed, end_loglet());
    return tail_text(sealed.chain.sealed_tail, "sealed", "chain");
  }

  // Until the chain says so.  Somebody else may seal, repair or extend meanwhile.
  Result<log::VersionedChain> end_loglet() {
    TRY(first, chain());
    const LogletId wanted = first.chain.loglets.back().id;
    for (log::VersionedChain found = first;;) {
      const log::Loglet last = found.chain.loglets.back();
      if (last.id != wanted || found.chain.sealed_tail != Lsn(0)) return found;
      if (const auto log = writer()) (void)log->drain(r_.world.clock.steady() + drain_patience);
      const log::Reach copies = reach();
      TRY(end, log::seal_loglet(copies, r_.world.trace, last, deadline_));
      TRY(sealed, log::sealed(found.chain, last.id, last.base + (end - Offset(0))));
      const auto swapped = r_.chains->swap({{.partition = partition(),
                                             .expected_version = found.version,
                                             .chain = std::move(sealed)}});
      if (!swapped && r_.world.clock.steady() >= deadline_) {
        return std::unexpected(swapped.error());
      }
      TRY(now, chain());  // the store itself tells what became of it
      found = std::move(now);
    }
  }

  Result<std::string> reconfigure() {
    TRY(before, chain());
    const LogletId old = before.chain.loglets.back().id;
    TRY(found, end_loglet());
    while (found.chain.loglets.back().id == old || found.chain.sealed_tail != Lsn(0)) {
      auto newer = r_.chains->wait_newer(partition(), found.version, deadline_);
      if (!newer && newer.error().code == Code::timed_out) {
        return fail(Code::retry_later,
                    name() + " is sealed, and nobody has opened another loglet yet");
      }
      if (!newer) return std::unexpected(newer.error());
      found = std::move(*newer);
    }
    std::string out;
    append_chain(out, partition(), found);
    return out;
  }

  Result<std::string> trim() {
    TRY(found, chain());
    const std::shared_ptr<log::Log> log = writer();
    if (log == nullptr) return elsewhere(found.chain);
    const std::shared_ptr<Replica> here = replica();
    const tables::Snapshots* const snapshots = here->snapshots();
    const Lsn safe = snapshots == nullptr || snapshots->kept().empty()
                         ? Lsn(0)
                         : snapshots->kept().back().applied;
    if (question_.lsn > safe) {
      return fail(Code::invalid, "record " + std::to_string(question_.lsn.raw()) +
                                     " is needed: the newest snapshot goes up to " +
                                     std::to_string(safe.raw()));
    }
    TRY_VOID(here->trim(question_.lsn));
    std::string out;
    {
      JsonObject object(out);
      object.number("id", partition().raw());
      object.number("trim_point", log->trim_point().raw());
    }
    return out;
  }

  Rooms& r_;
  const LogQuestion question_;
  const Instant deadline_;
};

Result<std::string> answer_here(Rooms& r, std::string_view bytes) {
  TRY(question, wire::decode<LogQuestion>(bytes));
  return Answering(r, question).answer();
}

Result<std::string> ask_shard(Rooms& r, const LogQuestion& question) {
  if (question.partition.raw() >= r.layout.partitions) {
    return fail(Code::not_found, "partitions are 0 to " + std::to_string(r.layout.partitions - 1));
  }
  const std::uint32_t shard = r.layout.shard_of(question.partition);
  if (shard == r.world.peers.self().shard) return Answering(r, question).answer();
  return r.rpc.ask({.node = r.layout.node, .shard = shard}, Verb::log_verb, wire::encode(question),
                   r.world.clock.steady() + patience * 2);
}

Result<std::string> all_chains(Rooms& r) {
  std::vector<PartitionId> partitions;
  for (std::uint64_t n = 0; n < r.layout.partitions; ++n) partitions.emplace_back(n);
  TRY(chains, r.chains->read(partitions));
  std::string out = "{\"partitions\":[";
  for (std::size_t i = 0; i < chains.size(); ++i) {
    append_comma(out);
    append_chain(out, partitions[i], chains[i]);
  }
  return out + "]}\n";
}

}  // namespace

void serve_log_verbs(Rooms& r) {
  r.rpc.serve(Verb::log_verb, [&r](std::string_view question) { return answer_here(r, question); });
}

Result<std::string> answer_log_verb(Rooms& r, std::string_view method, std::string_view target) {
  if (!r.chains || !r.replicas) return fail(Code::retry_later, "this node is not in a cluster yet");
  TRY(question, parse(method, target));
  if (!question) return all_chains(r);
  TRY(answer, ask_shard(r, *question));
  if (!answer.empty() && !answer.ends_with('\n')) answer += '\n';
  return answer;
}

}  // namespace perdure::node
