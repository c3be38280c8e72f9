// net/peers/node_port.h
//
// The node's own port, on which two languages are spoken, told apart by the first byte:
//
//                    ┌─ magic[0] ──► admit(): a peer; see links.h
//     accept ─ peek ─┤
//                    └─ else ──────► accept() of the listener that HTTP was given
//
// To HTTP this is a listener like any other.  A connection that says nothing for
// first_byte_patience is closed; so is one more than undecided_max of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/io/streams.h"
#include "net/loop/loop.h"
#include "net/sockets/sockets.h"
#include "net/sockets/stream.h"

namespace perdure::net {

class NodePort final : public io::Streams {
 public:
  using Admit = std::function<void(std::unique_ptr<SocketStream>)>;  // in a fiber of its own

  NodePort(Loop& loop, SocketStreams& streams, Admit admit)
      : loop_(loop), streams_(streams), admit_(std::move(admit)) {}

  Result<std::unique_ptr<io::Listener>> listen(std::string_view address) override;
  Result<std::unique_ptr<io::Stream>> connect(std::string_view address, Instant deadline) override {
    return streams_.connect(address, deadline);
  }

 private:
  Loop& loop_;
  SocketStreams& streams_;
  const Admit admit_;
};

}  // namespace perdure::net
