// engine/node/node_files.h
//
// What a node keeps outside of its log, because it must know it before it can reach anybody.
//
//     life.0, life.1    in which life it is: the newer one is made sure of, then the other is
//                       overwritten; so whatever is torn or rots, one can be read
//     nodes             whom it knew last, and where; a guess to begin with, nothing more
//
// Each file ends with a checksum.
#pragma once

#include <cstdint>

#include "engine/base/result.h"
#include "engine/control/nodes.h"
#include "engine/io/disk.h"

namespace perdure::node {

// Begins the next life: durable, and higher than any that was given before.  Parks.
// Errors: the disk's; corrupt, when files are there and none can be read.
Result<control::NodeLife> next_life(io::Disk& disk);

// Nobody, when there is no such file or it cannot be read.  Parks.
control::Nodes known_nodes(io::Disk& disk);
Result<void> keep_known_nodes(io::Disk& disk, const control::Nodes& nodes);

}  // namespace perdure::node
