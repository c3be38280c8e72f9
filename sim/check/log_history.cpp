#include "sim/check/log_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/bytes.h"

namespace perdure::sim {

namespace {
constexpr std::uint64_t look_one_in = 3;  // acknowledgements: disks are large

std::string start_of(std::string_view bytes) { return std::string(bytes.substr(0, 40)); }

// How far some members of a nodeset spread.
struct Spread {
  std::size_t copies = 0;
  std::set<std::pair<std::string, std::string>> zones;
  std::set<std::string> regions;
  void add(const log::Member& member) {
    ++copies;
    zones.emplace(member.region, member.zone);
    regions.insert(member.region);
  }
};

// What the loglet's replication asks for, as far as there is anybody to ask, counted afresh:
// the engine's own arithmetic is judged by this.
bool enough(const log::Loglet& loglet, const std::set<NodeId>& holders,
            const std::set<NodeId>& needless) {
  Spread has, can_be;
  for (const log::Member& member : loglet.nodeset) {
    if (holders.contains(member.node)) has.add(member);
    if (!needless.contains(member.node)) can_be.add(member);
  }
  const auto reaches = [](std::size_t here, std::size_t wanted, std::size_t most) {
    return here >= std::min(wanted, most);
  };
  const log::Replication& wanted = loglet.replication;
  return reaches(has.copies, wanted.copies, can_be.copies) &&
         reaches(has.zones.size(), wanted.zones, can_be.zones.size()) &&
         reaches(has.regions.size(), wanted.regions, can_be.regions.size());
}
}  // namespace

void LogHistory::fail(std::string_view check, std::string_view subject, std::string detail) {
  report_(
      {.check = std::string(check), .subject = std::string(subject), .detail = std::move(detail)});
}

// --- writers ---

void LogHistory::appended(PartitionId partition, const log::Loglet& loglet, Lsn lsn,
                          std::string_view bytes) {
  const auto [append, fresh] =
      appends_.insert_or_assign(std::string(bytes), Append{.partition = partition,
                                                           .lsn = lsn,
                                                           .loglet = loglet.id,
                                                           .wipes = wipes_,
                                                           .returns = returns_});
  given_.insert_or_assign({loglet.id, lsn}, append);
}

void LogHistory::acknowledged(PartitionId partition, const log::Loglet& loglet, Lsn lsn,
                              std::string_view bytes) {
  ++acks_;
  Partition& state = partitions_[partition];
  state.highest_acknowledged = std::max(state.highest_acknowledged, lsn);
  if (const auto tail = state.tails.find(loglet.id);
      tail != state.tails.end() && lsn >= tail->second) {
    fail("log-sealed", "acknowledgement",
         fmt::format("partition {}: {} of loglet {} was acknowledged, its tail is {}",
                     partition.raw(), lsn.raw(), loglet.id.raw(), tail->second.raw()));
  }
  committed(partition, lsn, bytes, loglet.id, true);
  const auto append = appends_.find(bytes);
  if (append != appends_.end() && acks_ % look_one_in == 0) {
    check_quorum(loglet, lsn, bytes, append->second, /*needless=*/{}, "was acknowledged");
  }
}

void LogHistory::check_quorum(const log::Loglet& loglet, Lsn lsn, std::string_view bytes,
                              const Append& append, const Nodes& needless, std::string_view what) {
  if (append.wipes != wipes_) return;  // a disk may have answered and be gone
  // A writer that slept may hear of it when it has been trimmed already.
  if (lsn <= trimmed_up_to(append.partition)) return;
  ++looks_;
  std::set<NodeId> holders;
  for (const log::Member& member : loglet.nodeset) {
    if (on_disk_(member.node, bytes)) holders.insert(member.node);
  }
  if (enough(loglet, holders, needless)) return;
  fail("log-quorum", "record",
       fmt::format("{} of loglet {} {} and is durable on {} disks, which are not {}", lsn.raw(),
                   loglet.id.raw(), what, holders.size(), log::to_text(loglet.replication)));
}

void LogHistory::wiped(NodeId node) {
  ++wipes_;
  gone_.insert(node);
}

void LogHistory::returned(NodeId node) {
  if (gone_.erase(node) != 0) returned_[node] = ++returns_;
}

LogHistory::Nodes LogHistory::gone_since(const Append& append) const {
  Nodes gone = gone_;
  for (const auto& [node, number] : returned_) {
    if (number > append.returns) gone.insert(node);
  }
  return gone;
}

// Who ends a loglet has seen to it that its last record is on enough disks, whether anybody
// was told so or not, and so are all before it.
void LogHistory::check_end(PartitionId partition, const log::Loglet& loglet, Lsn tail) {
  const Lsn unknown = std::max(partitions_[partition].highest_acknowledged.next(), loglet.base);
  for (const Lsn lsn : {unknown, tail.prev()}) {
    if (lsn < loglet.base || lsn >= tail) continue;
    const auto given = given_.find({loglet.id, lsn});
    if (given == given_.end()) {
      fail("log-invented", "tail",
           fmt::format("partition {}: loglet {} ends at {}, nobody appended {}", partition.raw(),
                       loglet.id.raw(), tail.raw(), lsn.raw()));
      continue;
    }
    const auto& [bytes, append] = *given->second;
    check_quorum(loglet, lsn, bytes, append, gone_since(append), "lies below its tail");
  }
}

// --- everybody ---

void LogHistory::committed(PartitionId partition, Lsn lsn, std::string_view bytes, LogletId loglet,
                           bool acknowledged) {
  const auto append = appends_.find(bytes);
  if (append == appends_.end()) {
    return fail("log-invented", "record",
                fmt::format("partition {} has '{}' at {}, which nobody appended", partition.raw(),
                            start_of(bytes), lsn.raw()));
  }
  if (append->second.partition != partition || append->second.lsn != lsn) {
    return fail("log-invented", "place",
                fmt::format("'{}' is at {} of partition {}, it was given {} of {}", start_of(bytes),
                            lsn.raw(), partition.raw(), append->second.lsn.raw(),
                            append->second.partition.raw()));
  }
  Slot& slot = partitions_[partition].committed[lsn];
  const std::uint64_t hash = hash64(bytes);
  if (slot.hash != 0 && slot.hash != hash) {
    return fail("log-single-history", "record",
                fmt::format("partition {}: {} is '{}' now and was another", partition.raw(),
                            lsn.raw(), start_of(bytes)));
  }
  slot.hash = hash;
  slot.acknowledged = slot.acknowledged || acknowledged;
  if (loglet != LogletId(0)) slot.loglet = loglet;
}

// --- readers ---

void LogHistory::reader_begun(std::uint64_t reader, PartitionId partition, Lsn from) {
  readers_[reader] = {.partition = partition, .next = from};
}

void LogHistory::read(std::uint64_t reader, Lsn lsn, std::string_view bytes) {
  ++reads_;
  Cursor& cursor = readers_.at(reader);
  if (lsn != cursor.next) {
    fail("log-reader-order", "read",
         fmt::format("reader {} of partition {} got {}, {} was next", reader,
                     cursor.partition.raw(), lsn.raw(), cursor.next.raw()));
  }
  cursor.next = lsn.next();
  committed(cursor.partition, lsn, bytes, LogletId(0), false);
}

void LogHistory::gap(std::uint64_t reader, Lsn to) {
  Cursor& cursor = readers_.at(reader);
  const Lsn allowed = partitions_[cursor.partition].may_trim;
  if (to > allowed) {
    fail("log-reader-order", "gap",
         fmt::format("reader {} of partition {} met a gap up to {}, trimmed is up to {}", reader,
                     cursor.partition.raw(), to.raw(), allowed.raw()));
  }
  cursor.next = std::max(cursor.next, to.next());
}

void LogHistory::may_trim(PartitionId partition, Lsn up_to) {
  Partition& state = partitions_[partition];
  state.may_trim = std::max(state.may_trim, up_to);
}

// --- the chain ---

void LogHistory::chain_changed(PartitionId partition, std::uint64_t version,
                               const log::Chain& before, const log::Chain& after) {
  Partition& state = partitions_[partition];
  if (version != state.version + 1) {
    fail("log-chain", "version",
         fmt::format("partition {}: version {} follows {}", partition.raw(), version,
                     state.version));
  }
  state.version = version;
  if (const auto checked = log::check_chain(after); !checked) {
    fail("log-chain", "shape",
         fmt::format("partition {}: {}", partition.raw(), checked.error().detail));
  }
  for (const log::Loglet& loglet : after.loglets) {
    std::set<NodeId> all;
    for (const log::Member& member : loglet.nodeset) all.insert(member.node);
    if (enough(loglet, all, /*needless=*/{}) && all.size() == loglet.nodeset.size()) continue;
    fail("log-chain", "nodeset",
         fmt::format("partition {}: the nodeset of loglet {} cannot hold {}", partition.raw(),
                     loglet.id.raw(), log::to_text(loglet.replication)));
  }
  if (after.trim_point > state.may_trim) {
    fail("log-trim", "chain",
         fmt::format("partition {} is trimmed up to {}, allowed was {}", partition.raw(),
                     after.trim_point.raw(), state.may_trim.raw()));
  }
  for (std::size_t i = 0; i < after.loglets.size(); ++i) {
    const Lsn tail = log::tail_of(after, i);
    if (tail != Lsn(0)) tail_published(partition, after.loglets[i], tail);
  }
  // One that went: trimmed as a whole, or replaced because it was empty.
  for (std::size_t i = 0; i < before.loglets.size(); ++i) {
    const log::Loglet& gone = before.loglets[i];
    if (std::ranges::find(after.loglets, gone.id, &log::Loglet::id) != after.loglets.end())
      continue;
    const bool was_last = i + 1 == before.loglets.size();
    if (was_last) tail_published(partition, gone, gone.base);
  }
}

void LogHistory::tail_published(PartitionId partition, const log::Loglet& ended, Lsn tail) {
  Partition& state = partitions_[partition];
  const LogletId loglet = ended.id;
  const auto [known, fresh] = state.tails.emplace(loglet, tail);
  if (!fresh) {
    if (known->second == tail) return;
    return fail("log-sealed", "tail",
                fmt::format("partition {}: loglet {} ends at {} now, {} before", partition.raw(),
                            loglet.raw(), tail.raw(), known->second.raw()));
  }
  for (auto slot = state.committed.lower_bound(tail); slot != state.committed.end(); ++slot) {
    if (slot->second.loglet != loglet || !slot->second.acknowledged) continue;
    fail("log-acked-lost", "tail",
         fmt::format("partition {}: {} of loglet {} was acknowledged, and it ends at {}",
                     partition.raw(), slot->first.raw(), loglet.raw(), tail.raw()));
  }
  check_end(partition, ended, tail);
}

Lsn LogHistory::highest_acknowledged(PartitionId partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Lsn(0) : found->second.highest_acknowledged;
}

Lsn LogHistory::trimmed_up_to(PartitionId partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Lsn(0) : found->second.may_trim;
}

}  // namespace perdure::sim
