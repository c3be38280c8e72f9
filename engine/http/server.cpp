#include "engine/http/server.h"

#include <optional>
#include <utility>

#include "engine/http/detect.h"
#include "engine/http/h1_server.h"
#include "engine/http/h2_server.h"

namespace perdure::http {
namespace {

constexpr Duration pause_after_failed_accept = std::chrono::milliseconds(20);

}  // namespace

// A connection, before and after it is known what it speaks.
struct Server::Accepted {
  std::uint64_t number = 0;
  std::unique_ptr<Link> link;  // until then
  std::unique_ptr<ServerConnection> connection;
};

Server::Server(Context& context, std::unique_ptr<io::Listener> listener, io::HttpLimits limits,
               io::Http::Serve serve)
    : context_(context),
      shared_{.limits = limits, .serve = std::move(serve), .group = io::Group(context.fibers)},
      listener_(std::move(listener)),
      address_(listener_->address()),
      emptied_(context.fibers),
      stopped_(context.fibers) {
  shared_.group.start("http.accept", [this] { accept_all(); });
}

Server::~Server() = default;  // after stop(), or with all fibers killed

void Server::accept_all() {
  accepter_ = context_.fibers.self();
  while (!stopping_) {
    auto stream = listener_->accept(io::never);
    if (stopping_) break;  // who came in this turn is reset: nobody would serve it
    if (stream) {
      begin(*std::move(stream));
    } else if (stream.error().code == Code::cancelled) {
      break;
    } else {
      context_.trace.event(io::Level::warn, "http.accept.failed", {{"why", stream.error().detail}});
      const Instant later = context_.fibers.now() + pause_after_failed_accept;
      if (!context_.fibers.sleep_until(later)) break;
    }
  }
  listener_.reset();
}

void Server::begin(std::unique_ptr<io::Stream> stream) {
  if (connections_.size() >= shared_.limits.connections) {
    context_.trace.count("http.connections.refused");
    stream->reset();
    return;
  }
  context_.trace.count("http.connections");
  auto accepted = std::make_unique<Accepted>();
  Accepted& connection = *accepted;
  connection.number = ++accepted_;
  connection.link =
      std::make_unique<Link>(context_, shared_.group, std::move(stream), shared_.limits.idle);
  connections_.emplace(connection.number, std::move(accepted));
  shared_.group.start("http.connection", [this, &connection] { run(connection); });
}

void Server::run(Accepted& accepted) {
  const Instant deadline = context_.fibers.now() + shared_.limits.head;
  std::string first;
  std::optional<io::HttpVersion> version;
  while (!version) {
    const auto bytes = accepted.link->read(
        first.empty() && !stopping_ ? context_.fibers.now() + shared_.limits.idle : deadline);
    if (!bytes || bytes->empty()) return forget(accepted);  // came, and said nothing of note
    first.append(*bytes);
    version = detect(first);
  }
  open(accepted, *version);
  accepted.connection->run(first);  // accepted may be gone afterwards
}

void Server::open(Accepted& accepted, io::HttpVersion version) {
  auto over = [this, &accepted] { forget(accepted); };
  if (version == io::HttpVersion::http2) {
    accepted.connection =
        std::make_unique<H2Server>(context_, shared_, std::move(accepted.link), std::move(over));
  } else {
    accepted.connection =
        std::make_unique<H1Server>(context_, shared_, std::move(accepted.link), std::move(over));
  }
  if (stopping_) accepted.connection->stop();
}

void Server::forget(Accepted& accepted) {
  connections_.erase(accepted.number);
  if (connections_.empty()) emptied_.notify_all();
}

void Server::stop(Instant deadline) {
  if (stopping_) {
    while (!has_stopped_) (void)stopped_.wait(io::never, io::Heed::deadline_only);
    return;
  }
  stopping_ = true;
  context_.fibers.cancel(accepter_);
  for (auto& [number, accepted] : connections_) {
    if (accepted->connection != nullptr)
      accepted->connection->stop();
    else
      accepted->link->reset();  // it has not asked for anything yet
  }
  while (!connections_.empty()) {
    if (!emptied_.wait(deadline)) break;
  }
  shared_.group.stop();
  // What is left waits only for the flusher to let go of it.
  while (!connections_.empty()) (void)emptied_.wait(io::never, io::Heed::deadline_only);
  has_stopped_ = true;
  stopped_.notify_all();
}

}  // namespace perdure::http
