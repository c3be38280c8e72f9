// engine/node/snapshot_verbs.h
//
// What an operator does with the snapshots of a data directory whose server is not running.
//
//     list      which there are of each partition, and whether their files are whole
//     export    takes one of the tables as the last checkpoint left them
//     restore   drops a partition's tables and makes them anew from the newest that is whole
//
// After a restore the next start replays the log behind the snapshot: nothing that was
// acknowledged is lost by it.  Cut short between dropping and making, a restore is finished
// by the next start, which restores tables that are not there (opening.h).
//
// In a fiber.  Each returns text for people, a line a partition or snapshot.
#pragma once

#include <optional>
#include <string>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/io/world.h"

namespace perdure::node {

// A directory without this file is none of a server's; look before anything is opened in it.
std::string data_directory_mark();

enum class SnapshotVerb { list, export_now, restore };

// Of one partition, or of all that the directory has.  Errors: not_found (no such partition,
// or no snapshot of it that can be used), corrupt, full, failed.
Result<std::string> run_verb(SnapshotVerb, io::World&, std::optional<PartitionId>);

// The name of a partition's tables.
std::string family_of(PartitionId);

}  // namespace perdure::node
