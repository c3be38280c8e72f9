// net/peers/peers.h
//
// io::Peers.  Between the shards of one process a frame is moved into the inbox of the
// other loop, which is rung only when it sleeps; to other nodes it goes by Links.
//
//     shard 0 ── frame ──► inbox of shard 1 ── one swap a turn ──► receive()
//        └────── frame ──► Links ──► socket                        (links.h)
//     node port ──► NodePort ─ peer ─► shard 0's Links ──► the shard that it wants
//                        └──── else ─► HTTP                        (node_port.h)
//
// Bounds: an inbox holds `inbox_bytes_max`; what does not fit is refused to its sender.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/io/peers.h"
#include "net/loop/loop.h"
#include "net/peers/links.h"
#include "net/peers/node_port.h"

namespace perdure::net {

class ShardPeers;

// The shards of this process; complete before the first loop runs.
struct Mesh {
  std::vector<ShardPeers*> shards;
};

class ShardPeers : public io::Peers {
 public:
  struct Parts {
    Loop& loop;
    SocketStreams& streams;
    io::Random& random;
    io::Trace& trace;
    const Mesh& mesh;
    io::ShardAddress self;
    std::string secret;                                        // of the cluster; "" for none
    std::shared_ptr<const Credentials> credentials = nullptr;  // none: no TLS
  };
  explicit ShardPeers(Parts parts);
  ~ShardPeers() override;

  io::ShardAddress self() const override { return self_; }
  std::uint32_t shards() const override { return static_cast<std::uint32_t>(mesh_.shards.size()); }
  Result<void> send(io::ShardAddress to, std::string frame) override;
  void on_frame(Receive receive) override;
  void on_link(Hear hear) override;
  void identify(io::Identity identity) override;
  void set_address(NodeId node, std::string address) override;
  Result<std::unique_ptr<io::HttpServer>> listen(std::string_view address, io::HttpLimits limits,
                                                 io::Http::Serve serve) override;
  Result<std::unique_ptr<io::HttpCall>> call(std::string_view address, io::Request request,
                                             Instant deadline) override;

  // --- for whoever makes the World ---
  // What HTTP of the node port is to be made of, and it.
  io::Streams& port() { return port_; }
  void serve_http_with(io::Http& http) { http_ = &http; }
  // Ends all links.  On the loop.
  void close() { links_->close(); }
  // As the network may at any time; for tests.
  void break_connections() { links_->break_connections(); }

 private:
  static constexpr std::size_t inbox_bytes_max = 64 << 20;
  static constexpr std::size_t frame_overhead = 64;  // so that empty frames are bounded too

  struct Frame {
    io::Origin from;
    std::string bytes;
  };

  bool accept(Frame frame);  // from any thread; false: full
  void drain();

  Loop& loop_;
  io::ShardAddress self_;
  std::uint64_t incarnation_ = 0;
  const Mesh& mesh_;
  io::Http* http_ = nullptr;
  Receive receive_;
  Hear hear_;
  const std::shared_ptr<Links> links_;
  NodePort port_;

  std::mutex mutex_;
  std::vector<Frame> inbox_;  // these under mutex_
  std::size_t inbox_bytes_ = 0;
  std::vector<Frame> taken_;
};

}  // namespace perdure::net
