// net/sockets/stream.h
//
// One connection.  See sockets.h.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "net/loop/loop.h"
#include "net/sockets/address.h"
#include "net/sockets/movable_stream.h"

namespace perdure::net {

// What the kernel last said about one direction of a socket, and who waits for more.
class Side {
 public:
  // Parks until the kernel says that something changed.  Errors: timed_out, cancelled.
  Result<void> wait(host::Scheduler& scheduler, Instant deadline);
  void changed(host::Scheduler& scheduler);
  // A system call that passed without waiting; yields now and then.
  void passed(host::Scheduler& scheduler);

  bool maybe = true;  // false: the next call would say EAGAIN

 private:
  io::FiberId waiting_;
  int in_a_row_ = 0;
};

class SocketStream final : public MovableStream, private Watcher {
 public:
  SocketStream(Loop& loop, Fd socket, const SocketAddress& peer);
  ~SocketStream() override;

  Result<std::size_t> read(std::span<std::byte> into, Instant deadline) override;
  Result<std::size_t> write(std::span<const std::byte> bytes, Instant deadline) override;
  void finish() override;
  void reset() override;
  bool arrived() const override;
  std::string peer() const override { return peer_.text(); }

  Result<std::size_t> write_pieces(std::span<const iovec> pieces, Instant deadline) override;
  Result<std::string> peek(Instant deadline) override;
  Anew move_out() override;

  // --- for what stands above it (net/tls) ---
  // As read() and write(), but never parks: nullopt when nothing is there, or no room.
  std::optional<Result<std::size_t>> try_read(std::span<std::byte> into);
  std::optional<Result<std::size_t>> try_write(std::span<const std::byte> bytes);
  // Parks until another try may go better.  Errors: timed_out, cancelled.
  Result<void> wait_to_read(Instant deadline);
  Result<void> wait_to_write(Instant deadline);
  // A read or a write that did not park; yields now and then.
  void read_at_once() { input_.passed(loop_.scheduler); }
  void wrote_at_once() { output_.passed(loop_.scheduler); }

  // Gives the socket away, as move_out() does.
  Fd release();
  const SocketAddress& peer_address() const { return peer_; }

  // After a connect() under way: parks until it is through.  Errors: timed_out,
  // cancelled, failed.
  Result<void> connected(Instant deadline);

 private:
  void happened(std::uint32_t epoll_events) override;
  std::unexpected<Error> broken(std::string_view doing) const;

  Loop& loop_;
  Fd socket_;
  const SocketAddress peer_;
  Side input_, output_;
  bool peer_hung_up_ = false;  // an end or an error lies behind the last byte
  bool read_to_end_ = false;
  bool finished_ = false;
};

}  // namespace perdure::net
