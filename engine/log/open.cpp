// Opening logs for writing: seal, find the tail, extend.
#include <algorithm>
#include <map>

#include "engine/base/check.h"
#include "engine/log/log.h"

namespace perdure::log {

class Opening {
 public:
  Opening(const std::vector<Place>& places, Chains& chains, io::Fibers& fibers, io::Trace& trace,
          const Options& options, const Cluster* cluster)
      : places_(places),
        chains_(chains),
        fibers_(fibers),
        trace_(trace),
        options_(options),
        cluster_(cluster),
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

  // Proposed by this very call: only then is it sure that nobody has written to it.
  bool is_ours(const Chain& chain) const {
    if (chain.loglets.empty() || chain.sealed_tail != Lsn(0)) return false;
    const auto proposed = proposed_.find(chain.loglets.back().id);
    return proposed != proposed_.end() && proposed->second == chain.loglets.back();
  }

  bool only_here(const Loglet& loglet) const {
    return loglet.nodeset.size() == 1 && loglet.nodeset.front().node == options_.node;
  }

  LogletStore& store_of(LogletId loglet) const {
    const auto found = std::ranges::find(places_, partition_of(loglet), &Place::partition);
    CHECK(found != places_.end());
    return found->store;
  }
  Reach reach_to(LogletId loglet) const {
    return {.self = options_.node,
            .here = &store_of(loglet),
            .servers = cluster_ == nullptr ? nullptr : &cluster_->servers,
            .fibers = fibers_};
  }

  // A chain that promises records which are not here, and nowhere else, was written by a disk
  // that is gone.
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
    if (!only_here(loglet)) {
      if (cluster_ != nullptr) return {};
      return fail(Code::retry_elsewhere, "loglet " + std::to_string(loglet.id.raw()) +
                                             " is on other nodes, and this one stands alone");
    }
    const wal::Wal& wal = store_of(loglet.id).wal();
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

  // --- sealing: tails_ gets the tail of every chain that is to be extended ---

  Result<void> seal_all(const std::vector<VersionedChain>& found) {
    tails_.assign(found.size(), Lsn(0));
    TRY_VOID(seal_those_here(found));
    return seal_those_elsewhere(found);
  }

  // Durably, all streams in one round of syncs.
  Result<void> seal_those_here(const std::vector<VersionedChain>& found) {
    std::vector<std::pair<std::size_t, wal::Position>> seals;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Chain& chain = found[i].chain;
      if (chain.loglets.empty() || is_ours(chain) || !only_here(chain.loglets.back())) continue;
      TRY(at, begin_seal(chain.loglets.back().id));
      seals.emplace_back(i, at);
    }
    for (const auto& [i, at] : seals) {
      const Loglet& last = found[i].chain.loglets.back();
      LogletStore& store = store_of(last.id);
      TRY_VOID(store.wal().wait_durable(at, deadline_));
      tails_[i] = last.base + (store.tail(last.id).last - Offset(0));
    }
    return {};
  }

  // Right after a restart the next segment may still be in the making.
  Result<wal::Position> begin_seal(LogletId loglet) {
    while (true) {
      auto sealed = store_of(loglet).begin_seal(loglet);
      if (sealed || sealed.error().code != Code::retry_later) return sealed;
      if (fibers_.now() >= deadline_) return sealed;
      TRY_VOID(fibers_.sleep_until(fibers_.now() + std::chrono::milliseconds(5)));
    }
  }

  // Side by side: the slowest decides.
  Result<void> seal_those_elsewhere(const std::vector<VersionedChain>& found) {
    std::optional<Error> failure;
    std::size_t left = 0;
    io::Event ended(fibers_);
    io::Group sealing(fibers_);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Chain& chain = found[i].chain;
      if (chain.loglets.empty() || is_ours(chain) || only_here(chain.loglets.back())) continue;
      if (chain.sealed_tail != Lsn(0)) {
        tails_[i] = chain.sealed_tail;
        continue;
      }
      ++left;
      sealing.start("log.seal", [this, i, &chain, &failure, &left, &ended] {
        const Loglet& last = chain.loglets.back();
        const auto end = seal_loglet(reach_to(last.id), trace_, last, deadline_);
        if (end) {
          tails_[i] = last.base + (*end - Offset(0));
        } else {
          failure = end.error();
        }
        --left;
        ended.notify_all();
      });
    }
    Result<void> waited;
    while (waited && left > 0) waited = ended.wait();
    sealing.stop();  // who waits for nodes that are away may not be wanted any more
    TRY_VOID(waited);
    if (failure) return std::unexpected(*failure);
    return {};
  }

  // --- extending ---

  Result<void> extend_all(std::vector<VersionedChain>& found) {
    std::vector<ChainChange> changes;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (is_ours(found[i].chain)) continue;
      TRY(chain, extend(partitions_[i], std::move(found[i].chain), tails_[i]));
      changes.push_back({.partition = partitions_[i],
                         .expected_version = found[i].version,
                         .chain = std::move(chain)});
    }
    TRY_VOID(chains_.swap(changes));
    trace_.event(io::Level::info, "log.chains.extended", {{"chains", changes.size()}});
    return {};
  }

  Result<Chain> extend(PartitionId partition, Chain chain, Lsn tail) {
    TRY(nodeset, choose_nodeset({.partition = partition,
                                 .replication = options_.replication,
                                 .size = options_.nodeset_size,
                                 .sequencer = options_.node},
                                candidates()));
    Loglet next{.id = next_loglet_id(partition, chain),
                .base = chain.loglets.empty() ? Lsn(1) : tail,
                .nodeset = std::move(nodeset),
                .replication = options_.replication,
                .sequencer = options_.node,
                .incarnation = options_.incarnation};
    proposed_[next.id] = next;
    if (chain.loglets.empty()) return begun(std::move(chain), std::move(next));
    const Loglet last = chain.loglets.back();
    // An earlier proposal may have lost: what it took for empty was found not to be, and is named.
    replaced_.erase(partition);
    if (last.base == tail) replaced_[partition] = last;
    TRY(ended, sealed(std::move(chain), last.id, tail));
    return extended(std::move(ended), last.id, std::move(next));
  }

  std::vector<Candidate> candidates() const {
    if (cluster_ != nullptr) return cluster_->servers.members();
    return {{.member = {.node = options_.node, .zone = options_.zone, .region = {}},
             .state = StorageState::read_write}};
  }

  // --- opening ---

  Result<std::vector<std::unique_ptr<Log>>> open(std::vector<VersionedChain> found) {
    std::vector<std::unique_ptr<Log>> logs;
    for (std::size_t i = 0; i < found.size(); ++i) {
      TRY_VOID(drop_strays(places_[i], found[i].chain));
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      const LogletId last = found[i].chain.loglets.back().id;
      logs.push_back(std::unique_ptr<Log>(new Log({.partition = partitions_[i],
                                                   .store = places_[i].store,
                                                   .chains = chains_,
                                                   .fibers = fibers_,
                                                   .trace = trace_,
                                                   .cluster = cluster_},
                                                  options_, std::move(found[i]))));
      const auto replaced = replaced_.find(partitions_[i]);
      if (replaced != replaced_.end()) {
        logs.back()->forget_elsewhere(replaced->second.id, replaced->second.nodeset, last);
      }
    }
    return logs;
  }

  // Loglets that the chain no longer names: trimmed away, or replaced because empty, by a
  // process that died before it dropped them.
  Result<void> drop_strays(const Place& place, const Chain& chain) {
    for (const wal::LogletState& held : place.store.wal().loglets()) {
      if (partition_of(held.loglet) != place.partition) continue;
      if (held.loglet >= chain.loglets.back().id) continue;  // a successor made known, at most
      const auto named = std::ranges::find(chain.loglets, held.loglet, &Loglet::id);
      if (named != chain.loglets.end()) continue;
      TRY_VOID(place.store.drop(held.loglet, chain.loglets.back().id));
    }
    return {};
  }

  const std::vector<Place>& places_;
  Chains& chains_;
  io::Fibers& fibers_;
  io::Trace& trace_;
  const Options& options_;
  const Cluster* const cluster_;
  const Instant deadline_;
  std::vector<PartitionId> partitions_;
  std::vector<Lsn> tails_;
  std::map<LogletId, Loglet> proposed_;
  std::map<PartitionId, Loglet> replaced_;  // the last proposal's
};

Result<std::vector<std::unique_ptr<Log>>> open_logs(const std::vector<Place>& places,
                                                    Chains& chains, io::Fibers& fibers,
                                                    io::Trace& trace, const Options& options,
                                                    const Cluster* cluster) {
  return Opening(places, chains, fibers, trace, options, cluster).run();
}

}  // namespace perdure::log
