// engine/io/peers.h
//
// Frames between shards: of this process, and of other nodes.
//
//     (node 1, shard 0) ──► (node 1, shard 1)     a ring buffer: bytes are moved
//     (node 1, shard 0) ◄─► (node 2, shard 0)     one connection, both ways
//
//     link to (node 2, shard 0):
//
//                 send()                     handshake
//       (nothing) ─────► opening ────────────────────────────► up, connection 7
//                           │  ▲                                 │
//                    failed │  │ after a pause, by itself        │ lost
//                           ▼  │                                 │
//                          pausing ◄─────────────────────────────┘
//
// Promised   Frames from one shard to another arrive in the order of their sending,
//            each at most once, unaltered, in a turn of the receiver.  A connection has
//            a number that no later one of this shard has.  Both ends hear `up` before
//            the first frame of a connection and `down` after the last; what was sent
//            before `down` and has not arrived never will, in either direction.  A
//            node is talked to only when it names the same cluster and fingerprint
//            and is the node that was asked for; once a later incarnation of it has
//            been heard, an earlier one is refused.
// Allowed    A frame may be lost, and with it the connection: there are no holes within
//            one.  The two ends notice a loss at different times.  An end that has
//            vanished without a word is noticed after seconds.  Between shards of one
//            process nothing is lost, and there are no links.
// Not here   requests and answers: engine/node has them, over this (rpc.h).
//
// A link that was used once is kept up for as long as the address of the node is known.
// While it pauses, send() answers retry_later at once: nobody waits for nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/io/http.h"

namespace perdure::io {

struct ShardAddress {
  NodeId node;  // 0: this one, whatever its number
  std::uint32_t shard = 0;
  friend auto operator<=>(const ShardAddress&, const ShardAddress&) = default;
};

// Who a node is, as it tells the others.
struct Identity {
  NodeId node;
  std::uint64_t incarnation = 0;  // of this start of its process; a later one fences it
  std::string cluster;            // the name people gave it
  std::uint64_t fingerprint = 0;  // drawn when the cluster was made: names may be the same
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Where a frame came from.
struct Origin {
  ShardAddress shard;
  std::uint64_t incarnation = 0;
  std::uint64_t connection = 0;  // 0: of this process
};

// Something happened to the link to a shard of another node.
struct Link {
  enum class Now { up, down };
  ShardAddress peer;
  Now now = Now::down;
  std::uint64_t connection = 0;
  std::uint64_t incarnation = 0;  // of the peer; 0 when it never came up
  // down only: false when this connection never came up, so nothing of it has left.
  bool was_up = false;
  std::string why;  // down only, for people
};

class Peers {
 public:
  using Receive = std::function<void(const Origin& from, std::string frame)>;
  using Hear = std::function<void(const Link&)>;

  virtual ~Peers() = default;
  virtual ShardAddress self() const = 0;
  virtual std::uint32_t shards() const = 0;  // of this node

  // Never parks.  Errors: retry_later (the queue to that shard is full, or the link
  // pauses), not_found (no address of that node, no such shard of this one), invalid
  // (larger than frame_bytes_max).
  virtual Result<void> send(ShardAddress to, std::string frame) = 0;

  // Before the first frame can come; they may not park.  With an empty function, the
  // last call: what comes from then on is lost.
  virtual void on_frame(Receive) = 0;
  virtual void on_link(Hear) = 0;

  // --- what the engine knows of the cluster, told to each shard on its own ---
  // Until then no other node is talked to, but by those who listen for HTTP.
  virtual void identify(Identity) = 0;
  // "host:port" of a node; "" forgets it, and ends its links.  A link that pauses tries
  // a new address at once.
  virtual void set_address(NodeId, std::string) = 0;

  // Opens the node's own port, on shard 0: other nodes connect to it and are led to the
  // shards they name; whoever speaks HTTP is served by `serve`.  Until the server that
  // is returned stops.  Errors: conflict (port in use), invalid (address).
  virtual Result<std::unique_ptr<HttpServer>> listen(std::string_view address, HttpLimits,
                                                     Http::Serve serve) = 0;
  // The other end of that: a request to another node's port, from shard 0.  As Http::call.
  virtual Result<std::unique_ptr<HttpCall>> call(std::string_view address, Request,
                                                 Instant deadline) = 0;

  static constexpr std::size_t frame_bytes_max = 64 << 20;
};

}  // namespace perdure::io
