// sim/check/raft_history.h
//
// Looks on while a Raft group works, and judges what its clients saw.
//
//     raft-election-safety      one leader a term, across restarts                   RAFT-1
//     raft-log-matching         an entry of an index and a term is one entry, and so
//                               is what stands before it                             RAFT-2
//     raft-leader-completeness  a leader has all that was committed before its term  RAFT-3
//     raft-state-machine        the same entry at an index, whoever applies it       RAFT-4
//     raft-durability           what was promised to others is there after a crash   RAFT-5
//     metadata-register         what clients read and wrote is linearizable          RAFT-6
//
// The first five see the trace events raft.* of every member, also those of debug level,
// which no other run writes down; the last is asked at the end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/check/history.h"
#include "sim/check/linearizable.h"
#include "sim/world/recorder.h"

namespace perdure::sim {

class RaftGroup {
 public:
  explicit RaftGroup(History::Report report) : report_(std::move(report)) {}
  void see(const TraceEvent& event);

  std::uint64_t elections() const { return leaders_.size(); }
  std::uint64_t committed() const { return committed_.size(); }

 private:
  struct Stands {
    std::uint64_t hash = 0, after = 0;
    std::string who;
  };
  struct Member {
    // Index to term, behind the snapshot; 0: whatever stands there was not told.
    std::map<std::uint64_t, std::uint64_t> log;
    std::uint64_t last = 0, snapshot = 0;
    std::uint64_t term = 0, vote = 0, durable = 0;  // promised
  };

  void leads(const TraceEvent& event);
  void appended(const TraceEvent& event);
  void applied(const TraceEvent& event);
  void promised(const TraceEvent& event);
  void restored(const TraceEvent& event);
  void installed(const TraceEvent& event);
  void fail(std::string_view check, std::string_view who, std::string detail);

  const History::Report report_;
  std::map<std::uint64_t, std::string> leaders_;                         // by term
  std::map<std::pair<std::uint64_t, std::uint64_t>, Stands> entries_;    // by index, term
  std::map<std::uint64_t, std::pair<std::uint64_t, Stands>> committed_;  // term, entry
  std::map<std::string, Member, std::less<>> members_;
};

// What clients did to registers: reads, and writes under the condition of a version.
struct RegisterCall {
  CallSpan span;
  std::string key;
  bool is_read = false;
  // Read: what was found.  Write: `version` was expected, `value` offered.
  std::uint64_t version = 0;
  std::string value;
  enum class End { done, conflict, unknown } end = End::unknown;
};

class RegisterHistory {
 public:
  explicit RegisterHistory(History::Report report) : report_(std::move(report)) {}

  std::size_t begin(RegisterCall call, Nanos now);
  RegisterCall& call(std::size_t number) { return calls_[number]; }
  void end(std::size_t number, Nanos now, RegisterCall::End how);
  // At the end.  Keys whose search ran out of budget are counted, not reported.
  void judge();

  std::size_t size() const { return calls_.size(); }
  std::size_t done() const { return done_; }
  std::size_t in_doubt() const;
  std::size_t undecided() const { return undecided_; }

 private:
  const History::Report report_;
  std::vector<RegisterCall> calls_;
  std::size_t done_ = 0, undecided_ = 0;
};

}  // namespace perdure::sim
