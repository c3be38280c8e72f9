// net/sockets/movable_stream.h
//
// A stream that came in on one shard's loop and may be given to another's: what net does
// with connections between nodes, on a bare socket (stream.h) or over TLS (net/tls).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "engine/io/streams.h"
#include "net/loop/loop.h"

namespace perdure::net {

class MovableStream : public io::Stream {
 public:
  // Makes it anew, on the loop that it is called on.  One that is dropped closes it.
  using Anew = std::move_only_function<std::unique_ptr<MovableStream>(Loop&)>;

  // As write(), of several pieces in one call.  At least one byte in them.
  virtual Result<std::size_t> write_pieces(std::span<const iovec> pieces, Instant deadline) = 0;
  // The first byte that comes, which stays to be read; "" at the end.
  virtual Result<std::string> peek(Instant deadline) = 0;
  // Nobody may wait in this stream, of which only the destructor may be called now.
  virtual Anew move_out() = 0;
};

}  // namespace perdure::net
