#include "net/peers/node_port.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "net/peers/conversation.h"
#include "net/peers/framing.h"
#include "net/sockets/stream.h"

namespace perdure::net {
namespace {

constexpr Duration first_byte_patience = std::chrono::seconds(30);
constexpr Duration refusal_patience = std::chrono::seconds(1);
constexpr std::size_t undecided_max = 1000, http_waiting_max = 1000;  // connections
constexpr Duration breather = std::chrono::milliseconds(20);

// A connection in the clear, and the first byte in it, which is still to be read.
struct Opened {
  std::unique_ptr<MovableStream> stream;
  char first;
};

// What the listener and its fibers share; it lives as long as any of them.
struct Door : std::enable_shared_from_this<Door> {
  explicit Door(NodePort::Parts of) : parts(std::move(of)) {}

  void accept_all(io::Listener& listener);
  void tell_apart(std::unique_ptr<SocketStream> socket);
  std::optional<Opened> open(std::unique_ptr<SocketStream> socket);
  void refuse(SocketStream& socket, char first);
  void note_refusal(const std::string& from, const std::string& why);
  Instant now() const { return parts.loop.clock.steady(); }

  NodePort::Parts parts;
  io::Queue<std::unique_ptr<io::Stream>> http{parts.loop.scheduler, http_waiting_max};
  io::FiberId accepter;
  std::size_t undecided = 0;
  bool closed = false;
};

void Door::accept_all(io::Listener& listener) {
  host::Scheduler& scheduler = parts.loop.scheduler;
  accepter = scheduler.self();
  while (!closed) {
    Result<std::unique_ptr<io::Stream>> came = listener.accept(io::never);
    if (!came && came.error().code == Code::cancelled) return;
    if (!came && !scheduler.sleep_until(now() + breather)) return;
    if (!came || undecided >= undecided_max) continue;
    // Our own sockets make no others.
    std::unique_ptr<SocketStream> socket(static_cast<SocketStream*>(came->release()));
    ++undecided;
    scheduler.start(
        scheduler.roots(), "peers.tell_apart",
        [self = shared_from_this(), socket = std::move(socket)]() mutable {
          self->tell_apart(std::move(socket));
        },
        io::Stack::large);
  }
}

void Door::tell_apart(std::unique_ptr<SocketStream> socket) {
  std::optional<Opened> opened = open(std::move(socket));
  --undecided;
  if (!opened || closed) return;
  if (opened->first == magic.front()) return parts.admit(std::move(opened->stream));
  (void)http.try_push(std::move(opened->stream));
}

std::optional<Opened> Door::open(std::unique_ptr<SocketStream> socket) {
  const Instant deadline = now() + first_byte_patience;
  Result<std::string> first = socket->peek(deadline);
  if (!first || first->empty()) return std::nullopt;
  const bool tls = first->front() == tls_first_byte;
  if (tls != parts.streams.secure()) return refuse(*socket, first->front()), std::nullopt;
  if (!tls) return Opened{.stream = std::move(socket), .first = first->front()};

  const std::string from = socket->peer();
  Result<std::unique_ptr<MovableStream>> stream =
      parts.streams.accepted(std::move(socket), deadline);
  if (!stream) return note_refusal(from, stream.error().detail), std::nullopt;
  first = (*stream)->peek(deadline);
  if (!first || first->empty()) return std::nullopt;
  return Opened{.stream = *std::move(stream), .first = first->front()};
}

// One has TLS, the other has not.
void Door::refuse(SocketStream& socket, char first) {
  const bool secure = parts.streams.secure();
  note_refusal(socket.peer(), secure ? "it does not speak TLS, and this node nothing else"
                                     : "it speaks TLS, and this node has no certificate");
  if (!secure) return;
  const Instant deadline = now() + refusal_patience;
  if (first == magic.front()) {
    (void)say(socket, FrameKind::refusal, Refusal{.why = "this node speaks TLS only"}, deadline);
  } else {
    constexpr std::string_view body = R"({"message":"this node port speaks TLS only"})";
    (void)write_all(socket,
                    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
                    "connection: close\r\ncontent-length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + std::string(body),
                    deadline);
  }
  socket.finish();
  std::array<std::byte, 64> rest;  // else the reset may overtake it
  while (socket.read(rest, deadline).value_or(0) > 0) {
  }
}

void Door::note_refusal(const std::string& from, const std::string& why) {
  parts.trace.count("peers.refused");
  parts.trace.event(io::Level::warn, "peers.refused", {{"from", from}, {"why", why}});
}

class PortListener final : public io::Listener {
 public:
  PortListener(std::shared_ptr<Door> door, std::string address)
      : door_(std::move(door)), address_(std::move(address)) {}
  ~PortListener() override {
    door_->closed = true;
    door_->http.close();
    door_->parts.loop.scheduler.cancel(door_->accepter);
  }
  Result<std::unique_ptr<io::Stream>> accept(Instant deadline) override {
    return door_->http.pop(deadline);
  }
  std::string address() const override { return address_; }

 private:
  const std::shared_ptr<Door> door_;
  const std::string address_;
};

}  // namespace

Result<std::unique_ptr<io::Listener>> NodePort::listen(std::string_view address) {
  TRY(listener, parts_.streams.listen(address));
  const auto door = std::make_shared<Door>(parts_);
  std::string bound = listener->address();
  host::Scheduler& scheduler = parts_.loop.scheduler;
  scheduler.start(scheduler.roots(), "peers.accept",
                  [door, listener = std::move(listener)] { door->accept_all(*listener); });
  return std::make_unique<PortListener>(door, std::move(bound));
}

}  // namespace perdure::net
