// engine/processor/expiry.h
//
// A leader's sweep of what is kept of completed invocations, an hour at a time: when an
// hour of expiry is over, it names those of it whose small rows go one by one, and then
// has the hour dropped whole (on_purge.cpp, docs/decisions/retention-by-bucket.md).
//
// Wakes when an hour ends that holds something; otherwise nothing runs.
#pragma once

#include <set>

#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/processor/bounds.h"
#include "engine/processor/proposer.h"
#include "engine/tables/keys.h"
#include "engine/tables/store.h"

namespace perdure::processor {

class Expiry {
 public:
  Expiry(io::World&, tables::Store&, Proposer&, const Bounds&);

  void will_expire(tables::Bucket);
  // Until cancelled.  Error: the store's.
  Result<void> run();

 private:
  Result<void> find_first();
  Result<void> sweep(tables::Bucket);
  Result<void> purge_all(tables::Kind, tables::Bucket, bool journal_only);
  Result<void> purge(wire::Purge);
  Instant next_wake() const;

  io::World& world_;
  tables::Store& store_;
  Proposer& proposer_;
  const Bounds bounds_;
  io::Event changed_;
  std::set<tables::Bucket> buckets_;
};

}  // namespace perdure::processor
