// sim/network/peers.h
//
// io::Peers at the level of frames: no streams, no framing.  Frames of one pair of
// shards arrive in order; they are lost when either process ends, when the connection
// between their hosts breaks, and by the weather's frame_loss, which ends it too.
#pragma once

#include <string>

#include "engine/io/peers.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class SimPeers final : public io::Peers {
 public:
  explicit SimPeers(Shard& shard) : shard_(shard) {}

  io::ShardAddress self() const override;
  std::uint32_t shards() const override;
  Result<void> send(io::ShardAddress to, std::string frame) override;
  void on_frame(Receive receive) override;

  void deliver(io::ShardAddress from, std::string frame);  // in a turn

 private:
  Shard& shard_;
  Receive receive_;
};

// Into the next turn of that shard.
void deliver_frame(Shard& to, io::ShardAddress from, std::string frame);

}  // namespace perdure::sim
