// One HTTP/2 connection with prior knowledge, on a socket that never blocks.
//
//     down ── dial() ──► connecting ── took() ──► up ── drop() ──► down, for a while
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>

#include "options.h"
#include "workload.h"

namespace bench {

// A request that is sent, and what is heard of it.
struct Exchange {
  Request request;
  std::size_t body_sent = 0;
  int status = 0;
  std::string answer;
};

class Connection {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void connected(Connection& connection) = 0;
    virtual void answered(Exchange& exchange, bool whole) = 0;  // may send() at once
  };

  Connection(Owner& owner, int epoll, bool quickack)
      : owner_(owner), epoll_(epoll), quickack_(quickack) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_up() const { return up_; }
  bool is_down() const { return socket_ < 0; }

  bool dial(const Target& target);
  bool send(Exchange& exchange, const Target& target);
  // What epoll told.  False: it is of no use any more; close it.
  bool took(std::uint32_t events);
  bool flush();
  void close();

 private:
  friend struct Callbacks;
  bool establish(std::uint32_t events);
  bool receive();
  void wait_for_room(bool wait);

  Owner& owner_;
  const int epoll_;
  const bool quickack_;
  int socket_ = -1;
  nghttp2_session* session_ = nullptr;
  bool up_ = false, waits_for_room_ = false;
  std::string unsent_;
  std::size_t sent_ = 0;  // of that
};

}  // namespace bench
