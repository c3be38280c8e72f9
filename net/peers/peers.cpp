#include "net/peers/peers.h"

#include <utility>

#include "engine/base/check.h"

namespace perdure::net {

Result<void> ShardPeers::send(io::ShardAddress to, std::string frame) {
  if (to.node != self_.node || to.shard >= mesh_.shards.size()) {
    return fail(Code::not_found, "no way to node " + std::to_string(to.node.raw()) + " shard " +
                                     std::to_string(to.shard));
  }
  if (!mesh_.shards[to.shard]->accept({.from = self_, .bytes = std::move(frame)})) {
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

}  // namespace perdure::net
