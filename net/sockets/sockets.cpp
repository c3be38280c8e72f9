#include "net/sockets/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "net/sockets/stream.h"

namespace perdure::net {
namespace {

std::string message(int error) { return std::generic_category().message(error); }

bool set(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

Fd new_socket(int family) {
  return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::unexpected<Error> cannot_listen(const SocketAddress& address, int error) {
  if (error == EADDRINUSE) {
    return fail(Code::conflict,
                "port " + std::to_string(address.port()) + " is in use (" + address.text() + ")");
  }
  const bool impossible = error == EADDRNOTAVAIL || error == EACCES || error == EAFNOSUPPORT;
  return fail(impossible ? Code::invalid : Code::failed,
              "cannot listen at " + address.text() + ": " + message(error));
}

class SocketListener : public io::Listener, private Watcher {
 public:
  SocketListener(Loop& loop, Ports& ports, Fd socket)
      : loop_(loop),
        ports_(ports),
        socket_(std::move(socket)),
        address_(SocketAddress::of_socket(socket_.get())) {
    loop_.watch(socket_.get(), *this);
  }
  ~SocketListener() override {
    socket_.close();
    ports_.closed(address_);
  }

  Result<std::unique_ptr<io::Stream>> accept(Instant deadline) override;
  std::string address() const override { return address_.text(); }

 private:
  void happened(std::uint32_t) override { arrivals_.changed(loop_.scheduler); }

  Loop& loop_;
  Ports& ports_;
  Fd socket_;
  const SocketAddress address_;
  Side arrivals_;
};

Result<std::unique_ptr<io::Stream>> SocketListener::accept(Instant deadline) {
  constexpr Duration breather = std::chrono::milliseconds(50);
  while (true) {
    while (!arrivals_.maybe) TRY_VOID(arrivals_.wait(loop_.scheduler, deadline));
    sockaddr_storage from = {};
    socklen_t size = sizeof from;
    auto* const raw = reinterpret_cast<sockaddr*>(&from);
    Fd socket(::accept4(socket_.get(), raw, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.open()) {
      arrivals_.passed(loop_.scheduler);
      return std::make_unique<SocketStream>(loop_, std::move(socket),
                                            SocketAddress::from(*raw, size));
    }
    const int error = errno;
    if (error == EAGAIN) {
      arrivals_.maybe = false;
    } else if (out_of_descriptors(error)) {
      // Who came stays in the kernel's queue.  Asking again at once would only spin.
      const Instant until = std::min(deadline, loop_.clock.steady() + breather);
      TRY_VOID(loop_.scheduler.sleep_until(until));
      return fail(Code::retry_later, "cannot accept a connection: " + message(error));
    } else if (error == EBADF || error == EINVAL || error == ENOTSOCK) {
      return fail(Code::failed, "cannot accept at " + address() + ": " + message(error));
    }
    // Anything else is the fate of one connection that ended before we saw it.
  }
}

}  // namespace

// SO_REUSEADDR takes a port whose old connections linger in TIME_WAIT.  SO_REUSEPORT
// would also take one on which another process listens with that option.  The kernel
// compares the options as they are now, so the first socket sets it once it has bound.
Result<Fd> Ports::listen(const SocketAddress& address) {
  const std::scoped_lock lock(mutex_);
  const auto ours = listeners_.find(address.text());
  const bool shared = ours != listeners_.end();
  Fd socket = new_socket(address.family());
  if (!socket.open()) return cannot_listen(address, errno);
  set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (shared) set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (::bind(socket.get(), address.raw(), address.size()) != 0) {
    return cannot_listen(address, errno);
  }
  if (!shared) set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (::listen(socket.get(), SOMAXCONN) != 0) return cannot_listen(address, errno);
  ++listeners_[SocketAddress::of_socket(socket.get()).text()];
  return socket;
}

void Ports::closed(const SocketAddress& bound) {
  const std::scoped_lock lock(mutex_);
  const auto found = listeners_.find(bound.text());
  CHECK(found != listeners_.end());
  if (--found->second == 0) listeners_.erase(found);
}

Result<std::unique_ptr<io::Listener>> SocketStreams::listen(std::string_view text) {
  TRY(where, parse_host_port(text));
  std::optional<SocketAddress> address = SocketAddress::literal(where.host, where.port);
  if (!address) {
    TRY(found, names_.resolve(where.host, io::never));
    address = SocketAddress::literal(found.front(), where.port);
  }
  CHECK(address.has_value());
  TRY(socket, ports_.listen(*address));
  return std::make_unique<SocketListener>(loop_, ports_, std::move(socket));
}

Result<std::unique_ptr<io::Stream>> SocketStreams::connect(std::string_view text,
                                                           Instant deadline) {
  TRY(stream, open(text, deadline));
  return std::move(stream);
}

Result<std::unique_ptr<SocketStream>> SocketStreams::open(std::string_view text, Instant deadline) {
  TRY(where, parse_host_port(text));
  if (where.port == 0) return fail(Code::invalid, "'" + std::string(text) + "' has no port");
  TRY(hosts, names_.resolve(where.host, deadline));
  Result<std::unique_ptr<SocketStream>> last =
      fail(Code::not_found, "no address for " + where.host);
  for (const std::string& host : hosts) {
    const std::optional<SocketAddress> address = SocketAddress::literal(host, where.port);
    if (!address) continue;
    last = connect_to(*address, deadline);
    if (last || last.error().code != Code::failed) break;
  }
  return last;
}

Result<std::unique_ptr<SocketStream>> SocketStreams::connect_to(const SocketAddress& to,
                                                                Instant deadline) {
  const auto refused = [&](int error) {
    return fail(Code::failed, "connecting to " + to.text() + ": " + message(error));
  };
  Fd socket = new_socket(to.family());
  if (!socket.open()) return refused(errno);
  const int started = ::connect(socket.get(), to.raw(), to.size());
  if (started != 0 && errno != EINPROGRESS) return refused(errno);
  const int raw = socket.get();
  auto stream = std::make_unique<SocketStream>(loop_, std::move(socket), to);
  if (started != 0) TRY_VOID(stream->connected(deadline));
  // TCP lets a socket meet itself when its own port, drawn by the kernel, is the one
  // that it asks for.
  if (SocketAddress::of_socket(raw).text() == to.text()) return refused(ECONNREFUSED);
  return stream;
}

}  // namespace perdure::net
