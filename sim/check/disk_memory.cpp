#include "sim/check/disk_memory.h"

#include <fmt/format.h>

#include <string>

#include "engine/log/chain.h"

namespace perdure::sim {

void DiskMemory::seen(NodeId node, const wal::Wal& wal) {
  if (wal.durable() != wal.head() || wal.failed()) return;  // not all of it is durable
  std::map<LogletId, Loglet>& loglets = nodes_[node];
  loglets.clear();
  for (const wal::LogletState& state : wal.loglets()) {
    loglets[state.loglet] = {.state = state, .held = wal.held(state.loglet, Offset(1), state.last)};
  }
}

void DiskMemory::back(NodeId node, const wal::Wal& wal) {
  for (const auto& [id, loglet] : nodes_[node]) check(node, wal, loglet);
}

void DiskMemory::check(NodeId node, const wal::Wal& wal, const Loglet& known) {
  const wal::LogletState& before = known.state;
  const auto now = wal.find(before.loglet);
  const auto later = wal.loglet_after(before.loglet);
  const bool may_be_dropped =
      later && log::partition_of(*later) == log::partition_of(before.loglet);
  // Who had not heard of that may have sealed it since: then it is there again, and empty.
  const bool is_empty = !now || now->last == Offset(0);
  if (is_empty && may_be_dropped) return;
  if (!now) return fail(node, known, "is forgotten, and no later one is known");
  if (before.sealed && !now->sealed) fail(node, known, "was sealed and is not");
  if (now->trim_point < before.trim_point) {
    fail(node, known,
         fmt::format("was trimmed up to {}, is up to {}", before.trim_point.raw(),
                     now->trim_point.raw()));
  }
  if (now->last < before.last) {
    fail(node, known, fmt::format("ended at {}, ends at {}", before.last.raw(), now->last.raw()));
  }
  for (const auto& [first, last] : known.held.intervals()) {
    for (Offset at(first); at <= Offset(last); at = at.next()) {
      if (at <= now->trim_point || wal.holds(before.loglet, at)) continue;
      return fail(node, known, fmt::format("had {} and lacks it", at.raw()));
    }
  }
}

void DiskMemory::fail(NodeId node, const Loglet& loglet, std::string detail) {
  report_(
      {.check = "log-disk",
       .subject = "restart",
       .detail = fmt::format("n{}: loglet {} {}", node.raw(), loglet.state.loglet.raw(), detail)});
}

}  // namespace perdure::sim
