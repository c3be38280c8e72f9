// net/peers/node_port.h
//
// The node's own port, on which two languages are spoken, told apart by the first byte:
//
//                          ┌─ magic[0] ──► admit(): a peer; see links.h
//     accept ─ peek ─ TLS ─┤
//                          └─ else ──────► accept() of the listener that HTTP was given
//
// To HTTP this is a listener like any other.  With credentials both are spoken over TLS
// only, and who comes without it hears so in his own language; without, TLS is refused.
// A connection that says nothing for first_byte_patience, or has not shown its
// certificate by then, is closed; so is one more than undecided_max of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/io/streams.h"
#include "engine/io/trace.h"
#include "net/loop/loop.h"
#include "net/sockets/movable_stream.h"
#include "net/tls/node_streams.h"

namespace perdure::net {

class NodePort final : public io::Streams {
 public:
  using Admit = std::function<void(std::unique_ptr<MovableStream>)>;  // in a fiber of its own
  struct Parts {
    Loop& loop;
    NodeStreams streams;
    io::Trace& trace;
    Admit admit;
  };
  explicit NodePort(Parts parts) : parts_(std::move(parts)) {}

  Result<std::unique_ptr<io::Listener>> listen(std::string_view address) override;
  Result<std::unique_ptr<io::Stream>> connect(std::string_view address, Instant deadline) override {
    return parts_.streams.connect(address, deadline);
  }

 private:
  Parts parts_;
};

}  // namespace perdure::net
