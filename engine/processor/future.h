// engine/processor/future.h
//
// What a suspended handler waits for: a tree of notifications, against those that are
// in its journal.
#pragma once

#include "engine/tables/rows.h"

namespace perdure::processor {

enum class Settled { open, succeeded, failed };

// Where a race inside a larger tree holds both a success and a failure, and the order of
// their arrival would matter, it counts as a success: the handler has then seen at least
// one of them, so waiting on cannot lose it.  A tree without leaves is settled.
Settled settle(const wire::Future&, const tables::JournalRow&);

}  // namespace perdure::processor
