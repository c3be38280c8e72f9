#include "net/peers/links.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace perdure::net {

namespace {
constexpr std::size_t queue_bytes_max = 32 << 20;  // to one shard, waiting or queued
constexpr std::size_t frame_overhead = 64;         // so that empty frames are bounded too
}  // namespace

// What the engine says, and what becomes of a frame.  Opening is in links_opening.cpp,
// the connection that is up in links_up.cpp.

void Links::start(std::string_view name, std::move_only_function<void()> body) {
  host::Scheduler& scheduler = parts_.loop.scheduler;
  scheduler.start(scheduler.roots(), name, std::move(body), io::Stack::large);
}

Nonce Links::draw_nonce() {
  return {.high = parts_.random.draw("peers.nonce"), .low = parts_.random.draw("peers.nonce")};
}

void Links::identify(io::Identity identity, std::uint32_t shards) {
  identity_ = std::move(identity);
  shards_ = shards;
}

void Links::set_address(NodeId node, std::string address) {
  if (address.empty()) {
    addresses_.erase(node);
    std::vector<std::pair<io::ShardAddress, Link>> gone;
    for (auto link = links_.begin(); link != links_.end();) {
      if (link->first.node != node) {
        ++link;
        continue;
      }
      gone.emplace_back(link->first, std::move(link->second));
      link = links_.erase(link);
    }
    for (auto& [peer, link] : gone) {
      if (link.connection) {
        link.connection->over = true;
        link.connection->stream->reset();
        link.connection->filled.notify_all();
      }
      if (!link.connection && link.waiting.empty()) continue;
      parts_.tell({.peer = peer,
                   .connection = link.number,
                   .incarnation = link.connection ? link.connection->origin.incarnation : 0,
                   .was_up = link.connection != nullptr,
                   .why = "node was forgotten"});
    }
    return;
  }
  std::string& known = addresses_[node];
  if (known == address) return;
  known = std::move(address);
  for (auto& [peer, link] : links_) {
    if (peer.node != node || link.state == State::up) continue;
    link.failures = 0;
    start_connecting(peer, link, State::opening);
  }
}

Result<void> Links::send(io::ShardAddress to, std::string frame) {
  if (frame.size() > io::Peers::frame_bytes_max) return fail(Code::invalid, "frame is too large");
  const auto full = [&](std::size_t held) {
    return held > 0 && held + frame.size() + frame_overhead > queue_bytes_max;
  };
  const auto no_room = [&] {
    return fail(Code::retry_later,
                "the queue to node " + std::to_string(to.node.raw()) + " is full");
  };
  auto found = links_.find(to);
  if (found == links_.end()) {
    if (!identity_ || !addresses_.contains(to.node) || closed_) {
      return fail(Code::not_found, "no way to node " + std::to_string(to.node.raw()));
    }
    found = links_.emplace(to, Link()).first;
    start_connecting(to, found->second, State::opening);
  }
  Link& link = found->second;
  switch (link.state) {
    case State::pausing:
      return fail(Code::retry_later,
                  "no connection to node " + std::to_string(to.node.raw()) + ": " + link.last_why);
    case State::opening:
      if (full(link.waiting_bytes)) return no_room();
      link.waiting_bytes += frame.size() + frame_overhead;
      link.waiting.push_back(std::move(frame));
      return {};
    case State::up:
      if (full(link.connection->queue_bytes)) return no_room();
      push(*link.connection, FrameKind::data, std::move(frame));
      return {};
  }
  UNREACHABLE();
}

void Links::push(Connection& to, FrameKind kind, std::string body) {
  const bool first = to.queue.empty();
  to.queue_bytes += body.size() + frame_overhead;
  const FrameHead head = frame_head(kind, body);
  const bool urgent = kind == FrameKind::ping || kind == FrameKind::pong;
  if (urgent && to.queue.size() > 1) {  // past what waits, behind what has begun to leave
    to.queue.insert(to.queue.begin() + 1, {.head = head, .body = std::move(body)});
  } else {
    to.queue.push_back({.head = head, .body = std::move(body)});
  }
  if (first) to.filled.notify_all();
}

void Links::close() {
  closed_ = true;
  for (auto& [peer, link] : links_) {
    link.attempt = next_attempt_++;
    if (!link.connection) continue;
    link.connection->over = true;
    link.connection->stream->reset();
    link.connection->filled.notify_all();
  }
  links_.clear();
}

void Links::break_connections() {
  for (auto& [peer, link] : links_) {
    if (link.connection) link.connection->stream->reset();
  }
}

// --- the connection that is up -------------------------------------------------------------

void Links::come_up(io::ShardAddress peer, Held connection, std::uint64_t incarnation) {
  Link& link = links_[peer];
  CHECK(link.state != State::up);
  link.state = State::up;
  link.attempt = next_attempt_++;
  link.number = next_number_++;
  link.failures = 0;
  link.last_why.clear();
  link.connection = connection;
  connection->origin = {.shard = peer, .incarnation = incarnation, .connection = link.number};
  connection->since = connection->heard = now();
  for (std::string& frame : link.waiting) push(*connection, FrameKind::data, std::move(frame));
  link.waiting.clear();
  link.waiting_bytes = 0;
  start("peers.read", [self = shared_from_this(), connection] { self->read_on(connection); });
  start("peers.write", [self = shared_from_this(), connection] { self->write_on(connection); });
  parts_.trace.event(io::Level::info, "peers.up",
                     {{"node", peer.node.raw()},
                      {"shard", peer.shard},
                      {"incarnation", incarnation},
                      {"connection", link.number}});
  parts_.tell({.peer = peer,
               .now = io::Link::Now::up,
               .connection = connection->origin.connection,
               .incarnation = incarnation});
}

void Links::read_on(const Held& connection) {
  constexpr std::size_t buffer_bytes = 64 << 10;
  const auto buffer = std::make_unique<std::byte[]>(buffer_bytes);
  if (!take_in(connection)) return;  // what came with the welcome
  while (!connection->over) {
    const Result<void> heard = hear(*connection, {buffer.get(), buffer_bytes});
    if (!heard) return lost(connection, heard.error().detail);
    if (!take_in(connection)) return;
  }
}

Result<void> Links::hear(Connection& connection, std::span<std::byte> buffer) {
  const std::span<std::byte> room = connection.decoder.room();
  TRY(count, connection.stream->read(room.empty() ? buffer : room, io::never));
  if (count == 0) return fail(Code::failed, "the other side closed the connection");
  connection.heard = now();
  // The writer waits for the answer no longer, but for the next silence.
  if (std::exchange(connection.pinged, std::nullopt)) connection.filled.notify_all();
  if (room.empty()) {
    return connection.decoder.take({reinterpret_cast<const char*>(buffer.data()), count});
  }
  connection.decoder.filled(count);
  return connection.decoder.complete();
}

// The frames that are whole; false when the connection is over.
bool Links::take_in(const Held& connection) {
  while (std::optional<WireFrame> frame = connection->decoder.next()) {
    switch (frame->kind) {
      case FrameKind::data: parts_.deliver(connection->origin, std::move(frame->body)); break;
      case FrameKind::ping: push(*connection, FrameKind::pong, {}); break;
      case FrameKind::pong: break;
      default: return lost(connection, "an unexpected message of the peer protocol"), false;
    }
    if (connection->over) return false;
  }
  return true;
}

void Links::write_on(const Held& connection) {
  while (!connection->over) {
    if (!keep_alive(connection)) return;
    if (connection->queue.empty()) {
      const Instant look = connection->pinged
                               ? *connection->pinged + host::silence_max - host::ping_after
                               : connection->heard + host::ping_after;
      const Result<void> waited = connection->filled.wait(look);
      if (!waited && waited.error().code == Code::cancelled) return;
      continue;
    }
    parts_.loop.scheduler.turn_end();
    if (connection->over) return;
    const Result<void> written = write_some(*connection);
    if (connection->over) return;
    const bool slow = !written && written.error().code == Code::timed_out;  // it may be alive
    if (!written && !slow) return lost(connection, written.error().detail);
  }
}

// Asks when nothing is heard; false when there was no answer, and it is over.
bool Links::keep_alive(const Held& connection) {
  if (!connection->pinged) {
    if (now() < connection->heard + host::ping_after) return true;
    connection->pinged = now();
    push(*connection, FrameKind::ping, {});
    return true;
  }
  if (now() < *connection->pinged + host::silence_max - host::ping_after) return true;
  parts_.loop.scheduler.yield();  // what has arrived is looked at first
  parts_.loop.scheduler.yield();
  if (!connection->pinged) return true;
  lost(connection, "nothing was heard for too long");
  return false;
}

// All that is queued, up to a bound, in one call.
Result<void> Links::write_some(Connection& connection) {
  constexpr std::size_t frames_max = 64, bytes_max = 1 << 20;
  std::vector<iovec> pieces;
  std::size_t bytes = 0, skip = connection.front_sent;
  const auto add = [&](const char* data, std::size_t size) {
    const std::size_t left_out = std::min(skip, size);
    skip -= left_out;
    if (size == left_out) return;
    pieces.push_back({.iov_base = const_cast<char*>(data + left_out), .iov_len = size - left_out});
    bytes += size - left_out;
  };
  for (const OutFrame& frame : connection.queue) {
    if (pieces.size() >= 2 * frames_max || bytes >= bytes_max) break;
    add(frame.head.data(), frame.head.size());
    add(frame.body.data(), frame.body.size());
  }
  TRY(count, connection.stream->write_pieces(pieces, now() + host::ping_after));
  std::size_t left = connection.front_sent + count;
  while (!connection.queue.empty()) {
    const std::size_t size = frame_head_bytes + connection.queue.front().body.size();
    if (left < size) break;
    left -= size;
    connection.queue_bytes -= connection.queue.front().body.size() + frame_overhead;
    connection.queue.pop_front();
  }
  connection.front_sent = left;
  return {};
}

void Links::lost(const Held& connection, const std::string& why) {
  if (std::exchange(connection->over, true)) return;
  connection->stream->reset();
  connection->filled.notify_all();
  const io::Origin& origin = connection->origin;
  const auto found = links_.find(origin.shard);
  if (found == links_.end() || found->second.connection != connection) return;
  parts_.trace.event(io::Level::info, "peers.down",
                     {{"node", origin.shard.node.raw()},
                      {"shard", origin.shard.shard},
                      {"connection", origin.connection},
                      {"why", why}});
  Link& link = found->second;
  link.connection.reset();
  ++link.failures;
  link.last_why = why;
  start_connecting(origin.shard, link, State::pausing);
  parts_.tell({.peer = origin.shard,
               .connection = origin.connection,
               .incarnation = origin.incarnation,
               .was_up = true,
               .why = why});
}

}  // namespace perdure::net
