// sim/cluster/raft_guest.h
//
// A member of the metadata group as a guest of a simulated host: a WAL, the group's store
// and the Rpc that node/ would give it, and nothing else of a server.  Where the real
// process would exit, the host is crashed and started anew.
#pragma once

#include "engine/control/raft_metadata.h"
#include "sim/check/raft_history.h"
#include "sim/world/host.h"

namespace perdure::sim {

struct RaftGuestOptions {
  control::RaftMetadataOptions metadata;
  std::uint32_t segment_bytes = 256 << 10;
};

// What it traces, `group` sees as well, in the turn in which it happens.
Factory raft_guest(Universe& universe, Host& host, RaftGroup& group,
                   const RaftGuestOptions& options);

}  // namespace perdure::sim
