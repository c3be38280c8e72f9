// engine/raft/log.h
//
// A member's log, as far as it is in memory, and the configurations that stand in it.
//
//     index       base   base+1  ...   last
//               (gone)  [ 3:a | 3:b | 4:c ]
//
//     terms never decrease; each index is one more than the one before
//     of what is gone the index and term of its last entry are kept (§7)
//
// The configuration in force is the last one in the log, committed or not (T4.1); when
// its entry is cut off, the one before is in force again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "engine/raft/message.h"

namespace perdure::raft {

class Log {
 public:
  Log(Index base, Term base_term, Configuration configuration);

  Index base() const { return base_; }
  Index last() const { return base_ + entries_.size(); }
  Term last_term() const { return entries_.empty() ? base_term_ : entries_.back().term; }
  // Nothing when it is gone (before base) or not there yet.
  std::optional<Term> term_of(Index) const;
  const Entry& at(Index) const;  // base < index <= last
  std::uint64_t bytes() const { return bytes_; }

  void append(Entry);     // index is last + 1
  void cut_from(Index);   // base < index
  void forget_to(Index);  // it becomes the base; <= last
  // [from, last], about `bytes_max` of them and one at least.
  std::vector<Entry> slice(Index from, Index to, std::uint64_t bytes_max) const;
  // The last index <= `at` whose term is <= `term`; base when there is none above it.
  Index last_not_above(Index at, Term term) const;

  const Configuration& configuration() const { return configurations_.rbegin()->second; }
  Index configured_at() const { return configurations_.rbegin()->first; }
  const Configuration& configuration_at(Index) const;  // in force once the log ended there

  void check_invariants() const;

 private:
  Index base_;
  Term base_term_;
  std::deque<Entry> entries_;
  std::map<Index, Configuration> configurations_;  // the first one is at or before base
  std::uint64_t bytes_ = 0;
};

// What an entry weighs in bounds: its bytes and what keeps them.
inline std::uint64_t weight(const Entry& entry) { return entry.bytes.size() + 32; }

}  // namespace perdure::raft
