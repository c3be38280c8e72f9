// net/peers/peers.h
//
// io::Peers between the shards of one process: a frame is moved into the inbox of the
// other loop, which is rung only when it sleeps.
//
//     shard 0 ── frame ──► inbox of shard 1 ── one swap a turn ──► receive()
//
// Bounds: an inbox holds `inbox_bytes_max`; what does not fit is refused to its sender.
//
// Not here yet is another node: frames to one answer not_found.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "engine/io/peers.h"
#include "net/loop/loop.h"

namespace perdure::net {

class ShardPeers;

// The shards of this process; complete before the first loop runs.
struct Mesh {
  std::vector<ShardPeers*> shards;
};

class ShardPeers : public io::Peers {
 public:
  ShardPeers(Loop& loop, io::ShardAddress self, const Mesh& mesh)
      : loop_(loop), self_(self), mesh_(mesh) {}

  io::ShardAddress self() const override { return self_; }
  std::uint32_t shards() const override { return static_cast<std::uint32_t>(mesh_.shards.size()); }
  Result<void> send(io::ShardAddress to, std::string frame) override;
  void on_frame(Receive receive) override;

 private:
  static constexpr std::size_t inbox_bytes_max = 64 << 20;
  static constexpr std::size_t frame_overhead = 64;  // so that empty frames are bounded too

  struct Frame {
    io::ShardAddress from;
    std::string bytes;
  };

  bool accept(Frame frame);  // from any thread; false: full
  void drain();

  Loop& loop_;
  const io::ShardAddress self_;
  const Mesh& mesh_;
  Receive receive_;

  std::mutex mutex_;
  std::vector<Frame> inbox_;  // these under mutex_
  std::size_t inbox_bytes_ = 0;
  std::vector<Frame> taken_;
};

}  // namespace perdure::net
