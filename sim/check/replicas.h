// sim/check/replicas.h
//
// Every replica of a partition against a shadow of it, at every record, while it happens.
//
//     record x applied by a host ─► is it durable?            acked-is-durable  (LOG-2, -6)
//                                ─► the same as before at x?  log-single-history    (LOG-1)
//          ┌─ the first to apply it: the shadow applies its copy, too            (PP-7)
//          ▼
//     shadow   rows after x ─► digest(x) ◄── equal ──► digest of the host's rows after x
//                                                      state-equals-replay  (PP-2, PP-6)
//
// The shadow never saw a checkpoint, a cache or a restart: its rows are all in memory and
// come from applied records alone.  A host's rows are followed from what it wrote at each
// record, on top of what its machine's tables held when it opened them: those are looked
// up, not asked.  So what a checkpoint lost, kept twice, or tore from its LSN is seen at
// the next start, and what a replay does otherwise is seen at the record where it begins.
//
// Not here   what clients were told: history.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/processor/witness.h"
#include "sim/check/history.h"
#include "sim/world/host.h"

namespace perdure::sim {

// Rows and a digest of them that does not depend on how they came about.
class MirrorRows {
 public:
  void set(const std::string& key, const std::string* value);  // null: erase
  void erase(std::string_view from, std::string_view to);
  std::uint64_t digest() const { return digest_; }
  const std::map<std::string, std::string, std::less<>>& rows() const { return rows_; }

 private:
  std::map<std::string, std::string, std::less<>> rows_;
  std::uint64_t digest_ = 0;  // sum over rows
};

class Replicas {
 public:
  // A record must be durable on `copies` machines when it is applied; on one less for each
  // machine that has lost a disk, and on one at least.
  Replicas(const Universe& universe, History::Report report, std::size_t copies = 1);
  ~Replicas();
  Replicas(const Replicas&) = delete;
  Replicas& operator=(const Replicas&) = delete;

  // For node::Options of what runs on that host.  Outlived by this and by the host.
  processor::Witness& witness(Host& host);

  std::uint64_t records() const { return records_; }    // of all partitions
  std::uint64_t compared() const { return compared_; }  // rows after a record, with the shadow's
  std::uint64_t openings() const { return openings_; }  // tables looked up at a start

 private:
  class View;
  struct Shadow;

  Shadow& shadow(const processor::Owner& owner);
  void fail(std::string check, const processor::Owner& owner, std::string detail);

  const Universe& universe_;
  const History::Report report_;
  const std::size_t copies_;
  std::map<PartitionId, std::unique_ptr<Shadow>> shadows_;
  std::map<std::string, std::unique_ptr<View>> views_;  // by host
  std::uint64_t records_ = 0, compared_ = 0, openings_ = 0;
};

}  // namespace perdure::sim
