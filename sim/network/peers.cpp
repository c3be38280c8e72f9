#include "sim/network/peers.h"

#include <utility>

#include "engine/base/check.h"
#include "sim/network/network.h"
#include "sim/network/peer_links.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

SimPeers::SimPeers(Shard& shard)
    : shard_(shard),
      identity_{.node = shard.host().node(), .incarnation = shard.life().incarnation} {}

io::ShardAddress SimPeers::self() const { return {identity_.node, shard_.index()}; }

std::uint32_t SimPeers::shards() const { return shard_.host().shards(); }

Result<void> SimPeers::send(io::ShardAddress to, std::string frame) {
  if (frame.size() > frame_bytes_max) return fail(Code::invalid, "frame is too large");
  if (shard_.dead() || !shard_.effect()) return {};
  return shard_.universe().network().peer_links().send(shard_, to, std::move(frame));
}

void SimPeers::on_frame(Receive receive) {
  CHECK(static_cast<bool>(receive) != static_cast<bool>(receive_));
  receive_ = std::move(receive);
}

void SimPeers::on_link(Hear hear) {
  CHECK(static_cast<bool>(hear) != static_cast<bool>(hear_));
  hear_ = std::move(hear);
}

void SimPeers::identify(io::Identity identity) { identity_ = std::move(identity); }

void SimPeers::set_address(NodeId node, std::string address) {
  if (shard_.dead()) return;
  if (address.empty()) {
    addresses_.erase(node);
    return shard_.universe().network().peer_links().forget(shard_, node);
  }
  if (std::exchange(addresses_[node], address) == address) return;
  shard_.universe().network().peer_links().try_again(shard_, node);
}

const std::string* SimPeers::address_of(NodeId node) const {
  const auto found = addresses_.find(node);
  return found == addresses_.end() ? nullptr : &found->second;
}

Result<std::unique_ptr<io::HttpServer>> SimPeers::listen(std::string_view address,
                                                         io::HttpLimits limits,
                                                         io::Http::Serve serve) {
  return shard_.world().http.serve(address, limits, std::move(serve));
}

Result<std::unique_ptr<io::HttpCall>> SimPeers::call(std::string_view address, io::Request request,
                                                     Instant deadline) {
  return shard_.world().http.call({.scheme = "http", .authority = std::string(address)},
                                  std::move(request), deadline);
}

void SimPeers::deliver(const io::Origin& from, std::string frame) {
  if (receive_) receive_(from, std::move(frame));
}

void SimPeers::tell(const io::Link& link) {
  if (hear_) hear_(link);
}

}  // namespace perdure::sim
