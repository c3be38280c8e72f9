// engine/io/streams.h
//
// Byte streams, as TCP gives them.
//
// Promised   Bytes arrive in order, unaltered, at most once.  read() == 0 means that
//            the other side said finish().  TCP_NODELAY is on.
// Allowed    Any read or write may be short, down to one byte.  A written byte may
//            never arrive; that it has is known some time later.  A reset loses what
//            was in flight, both ways.  A peer may vanish without a word, so every wait
//            has a deadline.
// Not here   framing (engine/http, peers.h), TLS.
//
// One fiber may read while another writes; two may not do the same.  Destroying a
// stream that was not finished both ways resets it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/io/fibers.h"

namespace perdure::io {

class Stream {
 public:
  virtual ~Stream() = default;
  // Parks until at least one byte is there.  Errors: timed_out, cancelled, failed.
  virtual Result<std::size_t> read(std::span<std::byte> into, Instant deadline) = 0;
  // Takes a prefix of at least one byte, parks while there is no room.
  virtual Result<std::size_t> write(std::span<const std::byte> bytes, Instant deadline) = 0;
  virtual void finish() = 0;  // no more bytes from us; never parks
  virtual void reset() = 0;   // forget it, both ways; parked calls return `failed`
  // True: the other side's machine has every byte that we wrote.  False: perhaps not.
  virtual bool arrived() const = 0;
  virtual std::string peer() const = 0;  // "127.0.0.1:40112", for people
};

class Listener {
 public:
  virtual ~Listener() = default;
  // Errors: timed_out, cancelled, retry_later (out of descriptors), failed.
  virtual Result<std::unique_ptr<Stream>> accept(Instant deadline) = 0;
  virtual std::string address() const = 0;  // "127.0.0.1:8080", the port really bound
};

class Streams {
 public:
  virtual ~Streams() = default;
  // "host:port"; port 0 picks one.  Error: conflict when somebody else listens there.
  // Shards of one process may listen at the same address; the world spreads connections.
  virtual Result<std::unique_ptr<Listener>> listen(std::string_view address) = 0;
  // An address with a literal IP, or a name that Names resolves.
  // Errors: timed_out, cancelled, failed (refused, unreachable), not_found (the name).
  virtual Result<std::unique_ptr<Stream>> connect(std::string_view address, Instant deadline) = 0;
};

}  // namespace perdure::io
