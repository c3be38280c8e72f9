// sim/check/observers.h
//
// Checks that look on while things happen, from outside of every host.
//
//   Journals       journal-prefix: of two attempts' journals one begins with the other;
//                  start-differs: key, random seed and protocol version stay the same
//                  journal-twice: no completion, and no signal but a cancel, is there twice
//                  journal-mismatch: a deterministic handler meets its own commands
//                  per-key-exclusion (PP-4): no exclusive handler of an object begins
//                  before the one that had begun has answered
//                  timer-early (TMR-1): what was asked for later does not begin before
//   Epochs         epochs-grow (PP-1): of two leaderships of a partition, the one that is
//                  announced later has the greater epoch, across all lives of a node.  Of
//                  several nodes one may hear late that it led: each life on its own
//                  epoch-unique: no epoch of a partition is announced twice
//
// What replicas of partitions do is looked at by replicas.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "sim/check/history.h"
#include "sim/handlers/watch.h"
#include "sim/world/recorder.h"

namespace perdure::sim {

class Journals final : public HandlerWatch {
 public:
  explicit Journals(History::Report report) : report_(std::move(report)) {}

  void started(std::string_view invocation, std::string_view told) override;
  void replayed(std::string_view invocation, std::string_view frames) override;
  void mismatched(std::string_view invocation, std::string_view detail) override;
  void ran(std::string_view invocation, std::string_view name) override;
  void awakeable(std::string_view token, std::string_view id) override;
  void ended(std::string_view invocation) override;
  void began(std::string_view invocation, std::string_view service, std::string_view key,
             std::string_view handler, bool exclusive) override;

  void set_clock(std::function<Nanos()> now) { now_ = std::move(now); }
  // Somebody kills it: it may be over from now on, whether its handler knows or not.
  void excuse(std::string_view invocation) { over_.emplace(invocation); }
  // "Map/k1": invocations of it end without their handlers' doing.
  void not_exclusive(std::string object) { not_exclusive_.insert(std::move(object)); }
  // Results of this service are soon forgotten: the same name may begin another life.
  void lives_again(std::string service) { lives_again_.insert(std::move(service)); }
  // It is purged: the same name may begin a life of its own.
  void forget(std::string_view invocation);
  // "Counter/k1/add" may not begin earlier than that.
  void not_before(std::string handler, Nanos earliest) {
    earliest_.emplace(std::move(handler), earliest);
  }

  // What a client that knows the token would be told.
  std::optional<std::string> awakeable_of(std::string_view token) const;
  std::uint64_t attempts() const { return attempts_; }
  std::uint64_t runs() const { return runs_; }

 private:
  void check_told_once(std::string_view invocation, std::string_view frames);

  const History::Report report_;
  std::map<std::string, std::string, std::less<>> longest_;  // journal, by invocation
  std::map<std::string, std::string, std::less<>> started_;  // what it was told, by invocation
  std::map<std::string, std::string, std::less<>> awakeables_;
  std::uint64_t attempts_ = 0, runs_ = 0;
  std::function<Nanos()> now_;
  std::map<std::string, std::string, std::less<>> holders_;  // object -> invocation
  std::set<std::string, std::less<>> over_;                  // invocations
  std::set<std::string, std::less<>> not_exclusive_;         // objects
  std::set<std::string, std::less<>> lives_again_;           // services
  std::set<std::string, std::less<>> many_lives_;            // invocations of those
  std::map<std::string, Nanos, std::less<>> earliest_;
};

class Epochs {
 public:
  explicit Epochs(History::Report report) : report_(std::move(report)) {}
  void attach(Recorder& recorder);
  std::uint64_t moves() const { return moves_; }  // of a leader to another node

 private:
  const History::Report report_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> last_;       // by node, partition
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> announced_;  // epochs: by whom
  std::map<std::uint64_t, std::string> leader_;                               // by partition
  std::uint64_t moves_ = 0;
};

}  // namespace perdure::sim
