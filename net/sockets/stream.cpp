#include "net/sockets/stream.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "engine/base/check.h"

namespace perdure::net {

Result<void> Side::wait(host::Scheduler& scheduler, Instant deadline) {
  const bool somebody_waits_already = waiting_ != io::FiberId();
  CHECK(!somebody_waits_already);
  in_a_row_ = 0;
  waiting_ = scheduler.self();
  const io::Woken woken = scheduler.park(deadline);
  waiting_ = {};
  if (woken == io::Woken::by_deadline) return fail(Code::timed_out, "deadline passed");
  if (woken == io::Woken::by_cancel) return fail(Code::cancelled, "wait was cancelled");
  return {};
}

void Side::changed(host::Scheduler& scheduler) {
  maybe = true;
  scheduler.wake(waiting_);
}

void Side::passed(host::Scheduler& scheduler) {
  constexpr int in_a_row_max = 64;
  if (++in_a_row_ < in_a_row_max) return;
  in_a_row_ = 0;
  scheduler.yield();
}

SocketStream::SocketStream(Loop& loop, Fd socket, const SocketAddress& peer)
    : loop_(loop), socket_(std::move(socket)), peer_(peer) {
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  loop_.watch(socket_.get(), *this);
}

SocketStream::~SocketStream() {
  if (!finished_ || !read_to_end_) reset();
}

void SocketStream::happened(std::uint32_t events) {
  constexpr std::uint32_t ends = EPOLLHUP | EPOLLERR;
  if (events & (EPOLLRDHUP | ends)) peer_hung_up_ = true;
  if (events & (EPOLLIN | EPOLLRDHUP | ends)) input_.changed(loop_.scheduler);
  if (events & (EPOLLOUT | ends)) output_.changed(loop_.scheduler);
}

std::unexpected<Error> SocketStream::broken(std::string_view doing) const {
  const int error = socket_.open() ? errno : ECONNRESET;
  return fail(Code::failed,
              std::string(doing) + " " + peer() + ": " + std::generic_category().message(error));
}

Result<void> SocketStream::wait_to_read(Instant deadline) {
  while (!input_.maybe) TRY_VOID(input_.wait(loop_.scheduler, deadline));
  return {};
}

Result<void> SocketStream::wait_to_write(Instant deadline) {
  while (!output_.maybe) TRY_VOID(output_.wait(loop_.scheduler, deadline));
  return {};
}

std::optional<Result<std::size_t>> SocketStream::try_read(std::span<std::byte> into) {
  CHECK(!into.empty());
  while (input_.maybe) {
    if (!socket_.open()) return broken("reading from");
    const ::ssize_t count = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (count >= 0) {
      const auto taken = static_cast<std::size_t>(count);
      if (taken == 0) read_to_end_ = true;
      // Fewer than asked: the kernel's buffer is empty, and its next byte is an edge.
      if (taken < into.size() && !peer_hung_up_) input_.maybe = false;
      return taken;
    }
    if (errno == EAGAIN) {
      input_.maybe = false;
    } else if (errno != EINTR) {
      return broken("reading from");
    }
  }
  return std::nullopt;
}

std::optional<Result<std::size_t>> SocketStream::try_write(std::span<const std::byte> bytes) {
  CHECK(!bytes.empty());
  CHECK(!finished_);
  while (output_.maybe) {
    if (!socket_.open()) return broken("writing to");
    const ::ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      const auto given = static_cast<std::size_t>(count);
      if (given < bytes.size()) output_.maybe = false;
      return given;
    }
    if (errno == EAGAIN) {
      output_.maybe = false;
    } else if (errno != EINTR) {
      return broken("writing to");
    }
  }
  return std::nullopt;
}

Result<std::size_t> SocketStream::read(std::span<std::byte> into, Instant deadline) {
  while (true) {
    TRY_VOID(wait_to_read(deadline));
    std::optional<Result<std::size_t>> count = try_read(into);
    if (!count) continue;
    if (*count) read_at_once();
    return *std::move(count);
  }
}

Result<std::size_t> SocketStream::write(std::span<const std::byte> bytes, Instant deadline) {
  while (true) {
    TRY_VOID(wait_to_write(deadline));
    std::optional<Result<std::size_t>> count = try_write(bytes);
    if (!count) continue;
    if (*count) wrote_at_once();
    return *std::move(count);
  }
}

Result<std::size_t> SocketStream::write_pieces(std::span<const iovec> pieces, Instant deadline) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  CHECK(size > 0);
  CHECK(!finished_);
  while (true) {
    TRY_VOID(wait_to_write(deadline));
    if (!socket_.open()) return broken("writing to");
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    const ::ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count >= 0) {
      const auto given = static_cast<std::size_t>(count);
      if (given < size) output_.maybe = false;
      output_.passed(loop_.scheduler);
      return given;
    }
    if (errno == EAGAIN) {
      output_.maybe = false;
    } else if (errno != EINTR) {
      return broken("writing to");
    }
  }
}

Result<std::string> SocketStream::peek(Instant deadline) {
  while (true) {
    TRY_VOID(wait_to_read(deadline));
    if (!socket_.open()) return broken("reading from");
    char first = 0;
    const ::ssize_t count = ::recv(socket_.get(), &first, 1, MSG_PEEK);
    if (count > 0) return std::string(1, first);
    if (count == 0) return std::string();
    if (errno == EAGAIN) {
      input_.maybe = false;
    } else if (errno != EINTR) {
      return broken("reading from");
    }
  }
}

MovableStream::Anew SocketStream::move_out() {
  return [socket = release(), peer = peer_](Loop& loop) mutable {
    return std::make_unique<SocketStream>(loop, std::move(socket), peer);
  };
}

Fd SocketStream::release() {
  if (socket_.open()) loop_.unwatch(socket_.get());
  return std::move(socket_);
}

void SocketStream::finish() {
  if (finished_ || !socket_.open()) return;
  finished_ = true;
  ::shutdown(socket_.get(), SHUT_WR);
}

void SocketStream::reset() {
  if (!socket_.open()) return;
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.close();
  input_.changed(loop_.scheduler);
  output_.changed(loop_.scheduler);
}

// What is sent and not acknowledged, our end included.
bool SocketStream::arrived() const {
  int unsent = 0;
  return !socket_.open() || (::ioctl(socket_.get(), SIOCOUTQ, &unsent) == 0 && unsent == 0);
}

Result<void> SocketStream::connected(Instant deadline) {
  output_.maybe = false;
  TRY_VOID(wait_to_write(deadline));
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return {};
  errno = error;
  return broken("connecting to");
}

}  // namespace perdure::net
