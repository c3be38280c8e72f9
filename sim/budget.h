// sim/budget.h
//
// How much may be lost for good.  The one place that can say no to a misfortune; all
// that a healed world makes good again is free.
//
//     sets:   "log"  n1 n2 n3   one disk at most       copies of the same data
//     wipe_disk n1 ──► yes: one of one    wipe_disk n2 ──► no: "log" has lost its one
//
// A disk of no set holds the only copy of what is on it: nothing of it may be lost.
//
// So when a healed run is stuck, or has lost something, explain() says that it had all it
// needed: a finding that comes with its proof.  The whole list of what was refused and
// lost is there to be read by whoever doubts it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "faults/fault.h"

namespace perdure::sim {

class Budget {
 public:
  // Of these hosts' disks so many may be lost over the whole run.
  void add_set(std::string name, std::set<std::string> hosts, std::uint32_t disks_to_lose);

  // Whether the fault may happen; if so it is spent.  Error: full, with the reason.
  Result<void> spend(const faults::Fault& fault);

  // One sentence a set: "log lost the disks of n2, one of one: what is left suffices".
  std::string explain() const;
  bool nothing_lost() const { return lost_.empty(); }

 private:
  struct Set {
    std::set<std::string> hosts;
    std::uint32_t disks_to_lose = 0;
  };
  std::set<std::string> lost_in(const Set& set) const;

  std::map<std::string, Set> sets_;
  std::set<std::string> lost_;  // hosts
  std::vector<std::string> refused_;
};

}  // namespace perdure::sim
