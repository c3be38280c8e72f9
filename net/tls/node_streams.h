// net/tls/node_streams.h
//
// Streams to and from the ports of nodes: over TLS where this node has credentials, bare
// where it has none.  There is no port that takes both.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "engine/io/streams.h"
#include "net/loop/loop.h"
#include "net/sockets/sockets.h"
#include "net/sockets/stream.h"
#include "net/tls/credentials.h"

namespace perdure::net {

inline constexpr char tls_first_byte = 0x16;  // of whoever dials with TLS

class NodeStreams final : public io::Streams {
 public:
  NodeStreams(Loop& loop, SocketStreams& sockets, std::shared_ptr<const Credentials> credentials)
      : loop_(loop), sockets_(sockets), credentials_(std::move(credentials)) {}

  bool secure() const { return credentials_ != nullptr; }
  Result<std::unique_ptr<MovableStream>> open(std::string_view address, Instant deadline) const;
  // Of a socket that was accepted and begins with tls_first_byte.  Only if secure().
  Result<std::unique_ptr<MovableStream>> accepted(std::unique_ptr<SocketStream> socket,
                                                  Instant deadline) const;

  Result<std::unique_ptr<io::Stream>> connect(std::string_view address, Instant deadline) override;
  // What it accepts are sockets, not told apart yet.
  Result<std::unique_ptr<io::Listener>> listen(std::string_view address) override;

 private:
  Loop& loop_;
  SocketStreams& sockets_;
  std::shared_ptr<const Credentials> credentials_;
};

}  // namespace perdure::net
