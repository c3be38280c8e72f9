#include "net/peers/peers.h"

#include <utility>

#include "engine/base/check.h"

namespace perdure::net {

ShardPeers::ShardPeers(Parts parts)
    : loop_(parts.loop),
      self_(parts.self),
      mesh_(parts.mesh),
      links_(std::make_shared<Links>(Links::Parts{
          .loop = parts.loop,
          .streams = NodeStreams(parts.loop, parts.streams, parts.credentials),
          .random = parts.random,
          .trace = parts.trace,
          .secret = std::move(parts.secret),
          .shard = parts.self.shard,
          .hand_over =
              [this](std::uint32_t shard, Arrival arrival) {
                ShardPeers& wanted = *mesh_.shards.at(shard);
                wanted.loop_.post([links = wanted.links_, arrival = std::move(arrival)]() mutable {
                  links->arrive(std::move(arrival));
                });
              },
          .deliver =
              [this](const io::Origin& from, std::string frame) {
                if (receive_) receive_(from, std::move(frame));
              },
          .tell =
              [this](const io::Link& link) {
                if (hear_) hear_(link);
              }})),
      port_({.loop = parts.loop,
             .streams = NodeStreams(parts.loop, parts.streams, parts.credentials),
             .trace = parts.trace,
             .admit = [links = links_](std::unique_ptr<MovableStream> stream) {
               links->admit(std::move(stream));
             }}) {}

ShardPeers::~ShardPeers() = default;

// --- within the process --------------------------------------------------------------------

Result<void> ShardPeers::send(io::ShardAddress to, std::string frame) {
  const bool within = to.node == self_.node || to.node == NodeId(0);
  if (!within) return links_->send(to, std::move(frame));
  if (to.shard >= mesh_.shards.size()) {
    return fail(Code::not_found, "this node has no shard " + std::to_string(to.shard));
  }
  if (!mesh_.shards[to.shard]->accept(
          {.from = {.shard = self_, .incarnation = incarnation_}, .bytes = std::move(frame)})) {
    return fail(Code::retry_later, "the inbox of shard " + std::to_string(to.shard) + " is full");
  }
  return {};
}

bool ShardPeers::accept(Frame frame) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t size = frame.bytes.size() + frame_overhead;
    if (!inbox_.empty() && inbox_bytes_ + size > inbox_bytes_max) return false;
    first = inbox_.empty();
    inbox_bytes_ += size;
    inbox_.push_back(std::move(frame));
  }
  if (first) loop_.post([this] { drain(); });
  return true;
}

// Until somebody listens the frames wait.
void ShardPeers::drain() {
  if (!receive_) return;
  {
    const std::scoped_lock lock(mutex_);
    taken_.swap(inbox_);
    inbox_bytes_ = 0;
  }
  for (Frame& frame : taken_) receive_(frame.from, std::move(frame.bytes));
  taken_.clear();
}

void ShardPeers::on_frame(Receive receive) {
  const bool begins = static_cast<bool>(receive);
  CHECK(begins != static_cast<bool>(receive_));
  receive_ = std::move(receive);
  if (begins) loop_.post([this] { drain(); });
}

void ShardPeers::on_link(Hear hear) {
  CHECK(static_cast<bool>(hear) != static_cast<bool>(hear_));
  hear_ = std::move(hear);
}

// --- other nodes ---------------------------------------------------------------------------

void ShardPeers::identify(io::Identity identity) {
  self_.node = identity.node;
  incarnation_ = identity.incarnation;
  links_->identify(std::move(identity), shards());
}

void ShardPeers::set_address(NodeId node, std::string address) {
  if (node == self_.node) return;
  links_->set_address(node, std::move(address));
}

Result<std::unique_ptr<io::HttpServer>> ShardPeers::listen(std::string_view address,
                                                           io::HttpLimits limits,
                                                           io::Http::Serve serve) {
  if (http_ == nullptr) return fail(Code::invalid, "shard 0 has the node's port");
  return http_->serve(address, limits, std::move(serve));
}

Result<std::unique_ptr<io::HttpCall>> ShardPeers::call(std::string_view address,
                                                       io::Request request, Instant deadline) {
  if (http_ == nullptr) return fail(Code::invalid, "shard 0 has the node's port");
  return http_->call({.scheme = "http", .authority = std::string(address)}, std::move(request),
                     deadline);
}

}  // namespace perdure::net
