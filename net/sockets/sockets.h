// net/sockets/sockets.h
//
// io::Streams over the kernel's TCP.
//
//     read():  note says "maybe" ──► recv ──► bytes
//                    ▲                 └─ EAGAIN, or fewer than asked: note says "no"
//                    └── edge from epoll ◄── park
//
// A system call is tried first and epoll is only asked about its edges, so a stream
// costs one epoll_ctl in its life, and a read that finds bytes costs one recv.
//
// A port of ours is ours alone, though the shards of the process share it by
// SO_REUSEPORT: the first listener binds without that option, which fails when anybody
// else is there, and allows it to those after.  See Ports.
//
// Bounds: a fiber that finds bytes at once 64 times in a row yields, so a fast peer
// cannot keep the others of the shard waiting.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/io/names.h"
#include "engine/io/streams.h"
#include "net/loop/loop.h"
#include "net/sockets/address.h"

namespace perdure::net {

// Who of this process listens where: one for all shards.
class Ports {
 public:
  // A bound, listening socket.  Errors: conflict, invalid, failed.
  Result<Fd> listen(const SocketAddress& address);
  void closed(const SocketAddress& bound);

 private:
  std::mutex mutex_;
  std::map<std::string, int> listeners_;  // by the address really bound
};

class SocketStream;

class SocketStreams : public io::Streams {
 public:
  SocketStreams(Loop& loop, io::Names& names, Ports& ports)
      : loop_(loop), names_(names), ports_(ports) {}
  Result<std::unique_ptr<io::Listener>> listen(std::string_view address) override;
  Result<std::unique_ptr<io::Stream>> connect(std::string_view address, Instant deadline) override;
  // The same, for those who know that it is a socket.
  Result<std::unique_ptr<SocketStream>> open(std::string_view address, Instant deadline);

 private:
  Result<std::unique_ptr<SocketStream>> connect_to(const SocketAddress& to, Instant deadline);

  Loop& loop_;
  io::Names& names_;
  Ports& ports_;
};

}  // namespace perdure::net
