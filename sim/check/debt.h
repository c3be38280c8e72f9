// sim/check/debt.h
//
// What a server still has on its disk when all work is done.  Results are kept, for their
// time; what is pending is not: no live invocation, no lock, no timer, no message to be
// sent, no journal or result of an invocation that nobody knows, and nothing under an hour
// that was over a while ago.
//
// Looks at the tables of the machine, not at the server: rows that are only in memory
// are not seen, so ask when everything was laid down by a checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace perdure::sim {

class Debt {
 public:
  // Of `abandoned` invocations nobody will ever say what they wait for.
  Debt(std::uint64_t abandoned, WallTime now) : abandoned_(abandoned), now_(now) {}

  void see(std::string_view family, std::string_view key);  // each row, family by family
  // Empty: nothing is left over.  Else what is, in words.
  std::string text() const;

 private:
  const std::uint64_t abandoned_;
  const WallTime now_;
  std::map<std::string, std::uint64_t> counts_;  // "partition-0: timers" -> how many
  std::set<std::string> known_, remains_;        // ids: live or ended; of what is left of them
  std::uint64_t live_ = 0;
};

}  // namespace perdure::sim
