// sim/network/conduit.h
//
// One connection between two shards: bytes both ways, in order, with latency, a window,
// half-close and reset.  A Stream is a handle on one end; so is a call or an exchange of
// HTTP at message level, whose heads travel in line with the bytes.
//
//     opener                                             acceptor
//       │  open ───────────────────────────────────────►  accept(): an end is made
//       │  bytes, bytes, end ──────────────────────────►  unread
//       ◄──────────────────────── head, bytes, end ────   (the head: HTTP only)
//       ◄──────────────────────── room (bytes were read)
//
// At each end, on arrival: process alive → in its next turn; process gone or handle
// closed → a reset goes back; no power → nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "sim/network/network.h"
#include "sim/world/shard.h"

namespace perdure::sim {

enum class Side : std::uint8_t { opener, acceptor };
inline Side other(Side side) { return side == Side::opener ? Side::acceptor : Side::opener; }

class Conduit {
 public:
  Conduit(Network& network, ConduitId id, Shard& opener, Host& to, std::uint16_t port);

  ConduitId id() const { return id_; }
  void open(std::size_t window);                                        // opener: knock
  void open(io::Request request, io::HttpVersion, std::size_t window);  // the same, HTTP

  // --- calls of an end's handle, from fibers of its shard ---
  Result<void> wait_open(Instant deadline);  // opener; failed when refused
  Result<std::string> read(Side side, std::size_t bytes_max, Instant deadline);  // "" at the end
  Result<std::size_t> write(Side side, std::string_view bytes, Instant deadline);
  void write_all(Side side, std::string_view bytes);  // never parks, whatever the window
  void finish(Side side);
  void reset(Side side);
  void release(Side side);  // the handle goes; resets unless finished both ways
  // The same, but what was finished stays valid and what still comes is thrown away, as
  // an HTTP exchange does that answered before the request had ended.
  void leave(Side side);
  void send_head(io::Response head);                 // acceptor
  Result<io::Response> wait_head(Instant deadline);  // opener
  const io::Request& request() const { return *request_; }
  io::HttpVersion version() const { return version_; }
  std::string peer(Side side) const;
  // All that it wrote lies with the other side, read or not.
  bool arrived(Side side) const {
    const std::unique_ptr<End>& end = side == Side::opener ? opener_ : acceptor_;
    const std::unique_ptr<End>& other = side == Side::opener ? acceptor_ : opener_;
    if (end == nullptr || other == nullptr) return end == nullptr || end->outstanding == 0;
    return end->outstanding <= other->unread.size() - other->consumed + other->to_give_back;
  }

  // --- for the network ---
  bool between(const Host& a, const Host& b) const;
  bool touches(const Host& host) const { return between(host, host); }
  void break_now(Side side, std::string_view why);  // what this end sees, at once
  void host_died(const Host& host, Death death);

 private:
  struct End {
    End(Shard& at) : shard(&at), life(at.life()), changed(at.fibers()), room(at.fibers()) {}
    Shard* shard;
    Life life;
    io::Event changed, room;  // something to read; something may be written
    bool held = true;
    bool left = false;      // by leave()
    bool open = false;      // opener: the other side accepted
    bool finished = false;  // we said so
    bool ended = false;     // they said so, and it arrived
    bool broken = false;
    std::string why = "connection was reset";
    std::string unread;
    std::size_t consumed = 0;      // of unread's front
    std::size_t to_give_back = 0;  // read, but the writer has not heard of it
    std::size_t outstanding = 0;   // written by us, and as far as we know unread
    Nanos last_arrival = 0;        // at the other end, of what we sent
    std::optional<io::Response> head;
  };

  End& at(Side side);
  bool alive(Side side);
  Host& host_of(Side side);
  // Sends something that `arrive` receives at the other end, in the order of sending.
  void send(Side from, std::string_view what, std::size_t bytes, std::uint64_t payload,
            Shard::Action arrive);
  std::uint64_t tell_send(Side from, std::string_view what, std::size_t bytes);
  void send_reset(Side from);
  void refuse(Side to);  // the other end is not there
  void push(Side side, std::string_view bytes);
  void arrived(Side side, std::string bytes);
  void wake(Side side);
  void give_back(Side side, std::size_t bytes);
  void accept_here();
  void drop_if_released();
  std::size_t cut_short(Side side, std::size_t bytes);
  std::string link(Side from) { return link_name(host_of(from), host_of(other(from))); }
  Network& network_;
  const ConduitId id_;
  Host& to_;
  const std::uint16_t port_;
  std::size_t window_ = 0;
  bool knocked_ = false;  // the opening has arrived
  std::optional<io::Request> request_;
  io::HttpVersion version_ = io::HttpVersion::http2;
  std::unique_ptr<End> opener_, acceptor_;
  Host& from_;
};

}  // namespace perdure::sim
