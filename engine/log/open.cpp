// Opening logs for writing: seal, find the tail, extend.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/log/find_tail.h"
#include "engine/log/log.h"

namespace perdure::log {

class Opening {
 public:
  Opening(const std::vector<Place>& places, Chains& chains, io::Fibers& fibers, io::Trace& trace,
          const Options& options)
      : places_(places),
        chains_(chains),
        fibers_(fibers),
        trace_(trace),
        options_(options),
        deadline_(fibers.now() + options.open_timeout) {
    for (const Place& place : places) partitions_.push_back(place.partition);
  }

  Result<std::vector<std::unique_ptr<Log>>> run() {
    while (true) {
      TRY(found, chains_.read(partitions_));
      CHECK(found.size() == places_.size());
      for (const VersionedChain& state : found) TRY_VOID(check_chain(state.chain));
      TRY_VOID(check_held(found));
      if (std::ranges::all_of(found,
                              [this](const VersionedChain& c) { return is_ours(c.chain); })) {
        return open(std::move(found));
      }
      TRY_VOID(seal_all(found));
      auto swapped = extend_all(found);
      if (!swapped && !worth_another_look(swapped.error())) {
        return std::unexpected(swapped.error());
      }
    }
  }

 private:
  // A swap of unknown outcome, or one that lost a race: the chains themselves tell.
  bool worth_another_look(const Error& error) {
    const bool may_pass = error.code == Code::failed || error.code == Code::timed_out ||
                          error.code == Code::retry_later || error.code == Code::conflict;
    if (!may_pass || fibers_.now() >= deadline_) return false;
    return fibers_.sleep_until(fibers_.now() + std::chrono::milliseconds(20)).has_value();
  }

  // Extended by this incarnation, and nothing was appended: only then may it be opened.
  bool is_ours(const Chain& chain) const {
    if (chain.loglets.empty() || chain.sealed_tail != Lsn(0)) return false;
    const Loglet& last = chain.loglets.back();
    return last.sequencer == options_.node && last.incarnation == options_.incarnation &&
           !wal_of(last.id).find(last.id).has_value();
  }

  wal::Wal& wal_of(LogletId loglet) const {
    const auto found = std::ranges::find(places_, partition_of(loglet), &Place::partition);
    CHECK(found != places_.end());
    return found->wal;
  }

  // A chain that promises records which are not here was written by a disk that is gone.
  Result<void> check_held(const std::vector<VersionedChain>& found) const {
    for (const VersionedChain& state : found) {
      for (std::size_t i = 0; i < state.chain.loglets.size(); ++i) {
        TRY_VOID(check_one_held(state.chain, i));
      }
    }
    return {};
  }

  Result<void> check_one_held(const Chain& chain, std::size_t i) const {
    const Loglet& loglet = chain.loglets[i];
    if (std::ranges::find(loglet.nodeset, options_.node, &Member::node) == loglet.nodeset.end()) {
      return fail(Code::retry_elsewhere,
                  "loglet " + std::to_string(loglet.id.raw()) + " is not on this node");
    }
    const wal::Wal& wal = wal_of(loglet.id);
    const auto held = wal.find(loglet.id);
    const Lsn tail = tail_of(chain, i);
    const Lsn held_tail = held ? loglet.base + (held->last - Offset(0)) : loglet.base;
    const bool all_trimmed = tail != Lsn(0) && tail <= chain.trim_point.next();
    if (tail != Lsn(0) && held_tail < tail && !all_trimmed) {
      return fail(Code::corrupt, "loglet " + std::to_string(loglet.id.raw()) + " ends at " +
                                     std::to_string(held_tail.raw()) + ", its chain says " +
                                     std::to_string(tail.raw()));
    }
    if (const std::uint64_t missing = wal.missing(loglet.id); missing > 0) {
      return fail(Code::corrupt, "loglet " + std::to_string(loglet.id.raw()) + " lacks " +
                                     std::to_string(missing) + " records");
    }
    return {};
  }

  // Durably, all streams in one round of syncs.
  Result<void> seal_all(const std::vector<VersionedChain>& found) {
    std::vector<std::pair<wal::Wal*, wal::Position>> seals;
    for (const VersionedChain& state : found) {
      if (state.chain.loglets.empty() || is_ours(state.chain)) continue;
      const LogletId last = state.chain.loglets.back().id;
      wal::Wal& wal = wal_of(last);
      if (const auto held = wal.find(last); held && held->sealed) continue;
      TRY(at, seal(wal, last));
      seals.emplace_back(&wal, at);
    }
    for (const auto& [wal, at] : seals) TRY_VOID(wal->wait_durable(at, deadline_));
    return {};
  }

  // Right after a restart the next segment may still be in the making.
  Result<wal::Position> seal(wal::Wal& wal, LogletId loglet) {
    while (true) {
      auto sealed = wal.seal(loglet);
      if (sealed || sealed.error().code != Code::retry_later) return sealed;
      if (fibers_.now() >= deadline_) return sealed;
      TRY_VOID(fibers_.sleep_until(fibers_.now() + std::chrono::milliseconds(5)));
    }
  }

  Result<void> extend_all(std::vector<VersionedChain>& found) {
    std::vector<ChainChange> changes;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (is_ours(found[i].chain)) continue;
      TRY(chain, extend(partitions_[i], std::move(found[i].chain)));
      changes.push_back({.partition = partitions_[i],
                         .expected_version = found[i].version,
                         .chain = std::move(chain)});
    }
    TRY_VOID(chains_.swap(changes));
    trace_.event(io::Level::info, "log.chains.extended", {{"chains", changes.size()}});
    return {};
  }

  Result<Chain> extend(PartitionId partition, Chain chain) {
    Loglet next{.id = next_loglet_id(partition, chain),
                .base = Lsn(1),
                .nodeset = {{.node = options_.node, .zone = options_.zone}},
                .replication = {},
                .sequencer = options_.node,
                .incarnation = options_.incarnation};
    if (chain.loglets.empty()) return begun(std::move(chain), std::move(next));
    const LogletId last = chain.loglets.back().id;
    TRY(tail, sealed_tail(chain));
    next.base = tail;
    TRY(ended, sealed(std::move(chain), last, tail));
    return extended(std::move(ended), last, std::move(next));
  }

  Result<Lsn> sealed_tail(const Chain& chain) const {
    if (chain.sealed_tail != Lsn(0)) return chain.sealed_tail;
    const Loglet& last = chain.loglets.back();
    const auto held = wal_of(last.id).find(last.id);
    CHECK(held.has_value());  // seal_all() made it known, if nothing before did
    const TailDecision decision =
        find_tail(last.nodeset, last.replication,
                  {{.node = options_.node, .last = held->last, .sealed = held->sealed}});
    if (const auto* at = std::get_if<SealedAt>(&decision)) {
      return last.base + (at->last - Offset(0));
    }
    return fail(Code::retry_elsewhere, "loglet " + std::to_string(last.id.raw()) +
                                           " has copies on other nodes, which have to be asked");
  }

  Result<std::vector<std::unique_ptr<Log>>> open(std::vector<VersionedChain> found) {
    std::vector<std::unique_ptr<Log>> logs;
    for (std::size_t i = 0; i < found.size(); ++i) {
      TRY_VOID(drop_strays(places_[i], found[i].chain));
      logs.push_back(std::unique_ptr<Log>(new Log({.partition = partitions_[i],
                                                   .wal = places_[i].wal,
                                                   .chains = chains_,
                                                   .fibers = fibers_,
                                                   .trace = trace_},
                                                  options_, std::move(found[i]))));
    }
    return logs;
  }

  // Loglets that the chain no longer names: trimmed away, or replaced because empty, by a
  // process that died before it dropped them.
  Result<void> drop_strays(const Place& place, const Chain& chain) {
    for (const wal::LogletState& held : place.wal.loglets()) {
      if (partition_of(held.loglet) != place.partition) continue;
      const auto named = std::ranges::find(chain.loglets, held.loglet, &Loglet::id);
      if (named == chain.loglets.end()) TRY_VOID(place.wal.drop(held.loglet));
    }
    return {};
  }

  const std::vector<Place>& places_;
  Chains& chains_;
  io::Fibers& fibers_;
  io::Trace& trace_;
  const Options& options_;
  const Instant deadline_;
  std::vector<PartitionId> partitions_;
};

Result<std::vector<std::unique_ptr<Log>>> open_logs(const std::vector<Place>& places,
                                                    Chains& chains, io::Fibers& fibers,
                                                    io::Trace& trace, const Options& options) {
  return Opening(places, chains, fibers, trace, options).run();
}

}  // namespace perdure::log
