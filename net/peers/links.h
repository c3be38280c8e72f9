// net/peers/links.h
//
// The links of one shard to shards of other nodes: who is dialed when, and the
// connection there is to each.
//
//     send() ──► waiting ──► queue of the connection ── one sendmsg a turn ──► socket
//                  opening        up                                        │
//     deliver() ◄── reader ◄── FrameDecoder ◄───────────────────────────────┘
//
//     fibers of a link:   opening, pausing   "peers.connect", one
//                         up                 "peers.read", "peers.write"
//
// The rules (who is let in, which of two stays, the pauses) are host/peering.h's.
// Fibers hold what they use: a Connection outlives its last fiber, and so do the Links.
//
// Bounds: a queue holds queue_bytes_max, or one frame; a frame Peers::frame_bytes_max;
// a handshake handshake_bytes_max a message and handshake_patience in all.  Silence of
// silence_max ends a connection; it is only asked for (a ping) after ping_after.
//
// A reader that was stopped (SIGSTOP) finds old deadlines and new bytes together: what
// has arrived is looked at before silence is judged.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/io/peers.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"
#include "host/peering.h"
#include "net/loop/loop.h"
#include "net/peers/framing.h"
#include "net/peers/handshake.h"
#include "net/sockets/movable_stream.h"
#include "net/tls/node_streams.h"

namespace perdure::net {

// A connection that came in, proved, on its way to the shard that it wants.
struct Arrival {
  MovableStream::Anew stream;
  Hello hello;
};

class Links : public std::enable_shared_from_this<Links> {
 public:
  struct Parts {
    Loop& loop;
    NodeStreams streams;
    io::Random& random;
    io::Trace& trace;
    std::string secret;
    std::uint32_t shard = 0;
    std::function<void(std::uint32_t shard, Arrival)> hand_over;  // from this loop, to any
    std::function<void(const io::Origin&, std::string frame)> deliver;
    std::function<void(const io::Link&)> tell;
  };
  explicit Links(Parts parts) : parts_(std::move(parts)) {}

  void identify(io::Identity identity, std::uint32_t shards);
  void set_address(NodeId node, std::string address);
  Result<void> send(io::ShardAddress to, std::string frame);
  // Ends everything, without a word to the engine.  Never parks.
  void close();
  void break_connections();  // as the network may

  // In a fiber, of the shard that listens: the acceptor's side of a handshake.
  void admit(std::unique_ptr<MovableStream> stream);
  // On the loop: the shard that was wanted decides.
  void arrive(Arrival arrival);

 private:
  struct OutFrame {
    FrameHead head;
    std::string body;
  };
  struct Connection {
    Connection(io::Fibers& fibers, std::unique_ptr<MovableStream> socket)
        : stream(std::move(socket)), filled(fibers) {}
    std::unique_ptr<MovableStream> stream;
    FrameDecoder decoder{io::Peers::frame_bytes_max};
    io::Origin origin;
    std::deque<OutFrame> queue;
    std::size_t queue_bytes = 0;
    std::size_t front_sent = 0;  // bytes of the queue's front that have left
    io::Event filled;
    bool dialed = false;  // by us
    Instant since;        // up
    Instant heard;
    std::optional<Instant> pinged;  // and nothing was heard since
    bool over = false;
  };
  using Held = std::shared_ptr<Connection>;
  enum class State { opening, up, pausing };
  struct Link {
    State state = State::pausing;
    std::uint64_t attempt = 0;  // names the fiber that connects
    std::uint64_t number = 0;   // of the connection, for the engine
    std::deque<std::string> waiting;
    std::size_t waiting_bytes = 0;
    Held connection;  // up
    std::uint32_t failures = 0;
    std::string last_why;  // so that it is logged once
  };
  struct Dialed {
    std::unique_ptr<MovableStream> stream;
    FrameDecoder decoder;
    std::uint64_t incarnation;
  };

  io::ShardAddress self() const { return {identity_->node, parts_.shard}; }
  Nonce draw_nonce();
  Instant now() const { return parts_.loop.clock.steady(); }
  void start(std::string_view name, std::move_only_function<void()> body);

  // --- opening ---
  void start_connecting(io::ShardAddress peer, Link& link, State from);
  void connect(io::ShardAddress peer, std::uint64_t attempt);
  Link* current(io::ShardAddress peer, std::uint64_t attempt);
  Result<Dialed> dial(io::ShardAddress peer);
  void attempt_failed(io::ShardAddress peer, Link& link, const Error& why);
  Result<Hello> shake_hands(MovableStream& stream);
  void refuse(std::unique_ptr<MovableStream> stream, Refusal refusal);
  void fence_older(NodeId node, std::uint64_t incarnation);

  // --- up ---
  void come_up(io::ShardAddress peer, Held connection, std::uint64_t incarnation);
  static void push(Connection& to, FrameKind kind, std::string body);
  void read_on(const Held& connection);
  Result<void> hear(Connection& connection, std::span<std::byte> buffer);
  bool take_in(const Held& connection);
  void write_on(const Held& connection);
  bool keep_alive(const Held& connection);
  Result<void> write_some(Connection& connection);
  void lost(const Held& connection, const std::string& why);

  const Parts parts_;
  std::optional<io::Identity> identity_;
  std::uint32_t shards_ = 0;  // of this node
  std::map<NodeId, std::string> addresses_;
  std::map<io::ShardAddress, Link> links_;
  std::map<NodeId, std::uint64_t> newest_;  // incarnation heard
  std::uint64_t next_attempt_ = 1, next_number_ = 1;
  bool closed_ = false;
};

}  // namespace perdure::net
