#include "net/peers/node_port.h"

#include <utility>

#include "net/peers/framing.h"

namespace perdure::net {
namespace {

constexpr Duration first_byte_patience = std::chrono::seconds(30);
constexpr std::size_t undecided_max = 1000, http_waiting_max = 1000;  // connections
constexpr Duration breather = std::chrono::milliseconds(20);

// What the listener and its fibers share; it lives as long as any of them.
struct Door : std::enable_shared_from_this<Door> {
  Door(Loop& of, NodePort::Admit to) : loop(of), admit(std::move(to)) {}

  void accept_all(io::Listener& listener);
  void tell_apart(std::unique_ptr<SocketStream> stream);

  Loop& loop;
  const NodePort::Admit admit;
  io::Queue<std::unique_ptr<io::Stream>> http{loop.scheduler, http_waiting_max};
  io::FiberId accepter;
  std::size_t undecided = 0;
  bool closed = false;
};

void Door::accept_all(io::Listener& listener) {
  accepter = loop.scheduler.self();
  while (!closed) {
    Result<std::unique_ptr<io::Stream>> came = listener.accept(io::never);
    if (!came && came.error().code == Code::cancelled) return;
    if (!came && !loop.scheduler.sleep_until(loop.clock.steady() + breather)) return;
    if (!came || undecided >= undecided_max) continue;
    // Our own sockets make no others.
    std::unique_ptr<SocketStream> stream(static_cast<SocketStream*>(came->release()));
    ++undecided;
    loop.scheduler.start(
        loop.scheduler.roots(), "peers.tell_apart",
        [self = shared_from_this(), stream = std::move(stream)]() mutable {
          self->tell_apart(std::move(stream));
        },
        io::Stack::large);
  }
}

void Door::tell_apart(std::unique_ptr<SocketStream> stream) {
  const Result<std::string> first = stream->peek(loop.clock.steady() + first_byte_patience);
  --undecided;
  if (!first || first->empty() || closed) return;
  if (first->front() == magic.front()) return admit(std::move(stream));
  (void)http.try_push(std::move(stream));
}

class PortListener final : public io::Listener {
 public:
  PortListener(std::shared_ptr<Door> door, std::string address)
      : door_(std::move(door)), address_(std::move(address)) {}
  ~PortListener() override {
    door_->closed = true;
    door_->http.close();
    door_->loop.scheduler.cancel(door_->accepter);
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
  TRY(listener, streams_.listen(address));
  const auto door = std::make_shared<Door>(loop_, admit_);
  std::string bound = listener->address();
  loop_.scheduler.start(loop_.scheduler.roots(), "peers.accept",
                        [door, listener = std::move(listener)] { door->accept_all(*listener); });
  return std::make_unique<PortListener>(door, std::move(bound));
}

}  // namespace perdure::net
