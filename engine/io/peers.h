// engine/io/peers.h
//
// Frames between shards: of this process, and of other nodes.
//
//     (node 1, shard 0) ──► (node 1, shard 1)     a ring buffer: bytes are moved
//     (node 1, shard 0) ──► (node 2, shard 0)     a connection
//
// Promised   Frames from one shard to another arrive in the order of their sending,
//            each at most once, unaltered.  The receiver runs in a turn of its own shard.
// Allowed    A frame may be lost: when the connection ends, when the queue to that
//            shard is full.  Then frames sent later may still arrive; who needs an
//            answer asks again.  Between shards of one process nothing is lost.
// Not here   requests and answers: engine/node has them, over this.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace perdure::io {

struct ShardAddress {
  NodeId node;
  std::uint32_t shard = 0;
  friend auto operator<=>(const ShardAddress&, const ShardAddress&) = default;
};

class Peers {
 public:
  using Receive = std::function<void(ShardAddress from, std::string frame)>;

  virtual ~Peers() = default;
  virtual ShardAddress self() const = 0;
  virtual std::uint32_t shards() const = 0;  // of this node
  // Never parks.  Errors: retry_later when the queue is full; not_found.
  virtual Result<void> send(ShardAddress to, std::string frame) = 0;
  // Before the first frame can come; it may not park.  With an empty function, the last
  // call: what comes from then on is lost.
  virtual void on_frame(Receive) = 0;
};

}  // namespace perdure::io
