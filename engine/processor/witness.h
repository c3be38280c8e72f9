// engine/processor/witness.h
//
// Looks on while records are applied: for checks that live outside of every node.
//
//     opened(A) ─► applied(A + 1) ─► applied(A + 2) …
//
// Told in the turn in which the rows changed, before anybody is told who waits for the
// record.  It may not park, and may not change anything.
//
// A server has none: that costs it a look at a null pointer a record, and one a row.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/base/ids.h"
#include "engine/processor/apply.h"
#include "engine/tables/ranges.h"

namespace perdure::processor {

// What a record did to the rows: first the ranges were erased, then these rows written.
struct RowsWritten {
  std::vector<tables::KeyRange> erased;
  std::vector<std::pair<std::string, const std::string*>> rows;  // by key; null: erased
};

class Witness {
 public:
  virtual ~Witness() = default;
  // The tables that were opened say that they hold the records up to this one.
  virtual void opened(const Owner&, Lsn applied) = 0;
  virtual void applied(const Owner&, Lsn, const wire::Record&, const RowsWritten&) = 0;
};

}  // namespace perdure::processor
