#include "sim/network/peers.h"

#include "engine/base/check.h"
#include "sim/network/network.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

io::ShardAddress SimPeers::self() const { return {shard_.host().node(), shard_.index()}; }

std::uint32_t SimPeers::shards() const { return shard_.host().shards(); }

Result<void> SimPeers::send(io::ShardAddress to, std::string frame) {
  if (shard_.dead() || !shard_.effect()) return {};
  return shard_.universe().network().send_frame(shard_, to, std::move(frame));
}

void SimPeers::on_frame(Receive receive) {
  CHECK(static_cast<bool>(receive) != static_cast<bool>(receive_));
  receive_ = std::move(receive);
}

void SimPeers::deliver(io::ShardAddress from, std::string frame) {
  if (receive_) receive_(from, std::move(frame));
}

}  // namespace perdure::sim
