// engine/processor/timers.h
//
// A leader's timers: wakes when the next is due and proposes that it fires.  The rows
// are the truth; here is a window of the earliest of them.
//
//     waiting_   all timers of the table before `horizon_`, at most 2 * bounds.timers of them
//     firing_    proposed, and not yet gone from the table
//
// The leader's clock decides when to try, the record's time whether (on_fire.cpp).
// Without timers nothing runs; with some, at least once a minute, because the wall
// clock may jump.  What is added after a jump is fired in time.
#pragma once

#include <optional>
#include <set>

#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/processor/bounds.h"
#include "engine/processor/proposer.h"
#include "engine/tables/keys.h"
#include "engine/tables/store.h"

namespace perdure::processor {

class Timers {
 public:
  Timers(io::World&, tables::Store&, Proposer&, const Bounds&);

  void added(const tables::Timer&);
  void removed(const tables::Timer&);
  // Until cancelled.  Error: the store's, when rows cannot be read.
  Result<void> run();

  std::size_t waiting() const { return waiting_.size(); }

 private:
  Result<void> load();
  void shorten();
  Result<void> fire_due();
  Instant at(WallTime due) const;
  bool wants_more() const;

  io::World& world_;
  tables::Store& store_;
  Proposer& proposer_;
  const Bounds bounds_;
  io::Event changed_;
  Instant wakes_ = io::never;  // if nothing changes
  std::set<tables::Timer> waiting_, firing_;
  std::optional<tables::Timer> horizon_ = tables::Timer{};  // absent: all are here
  struct Meanwhile {  // what changed behind the back of a scan
    std::set<tables::Timer> added, removed;
  };
  std::optional<Meanwhile> loading_;
};

}  // namespace perdure::processor
