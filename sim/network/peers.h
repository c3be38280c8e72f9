// sim/network/peers.h
//
// io::Peers at the level of frames: no streams, no framing.  See peer_links.h for what
// becomes of a frame to another node.
#pragma once

#include <map>
#include <string>

#include "engine/io/peers.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class SimPeers final : public io::Peers {
 public:
  explicit SimPeers(Shard& shard);

  io::ShardAddress self() const override;
  std::uint32_t shards() const override;
  Result<void> send(io::ShardAddress to, std::string frame) override;
  void on_frame(Receive receive) override;
  void on_link(Hear hear) override;
  void identify(io::Identity identity) override;
  void set_address(NodeId node, std::string address) override;
  // The port is for HTTP; peers come in without one.
  Result<std::unique_ptr<io::HttpServer>> listen(std::string_view address, io::HttpLimits limits,
                                                 io::Http::Serve serve) override;
  Result<std::unique_ptr<io::HttpCall>> call(std::string_view address, io::Request request,
                                             Instant deadline) override;

  // --- for the links ---
  // Unless it was told: the number of its host, in the life that it lives.
  const io::Identity& identity() const { return identity_; }
  const std::string* address_of(NodeId node) const;
  void deliver(const io::Origin& from, std::string frame);  // in a turn
  void tell(const io::Link& link);                          // in a turn

 private:
  Shard& shard_;
  io::Identity identity_;
  std::map<NodeId, std::string> addresses_;
  Receive receive_;
  Hear hear_;
};

}  // namespace perdure::sim
