// How a link comes to its connection: by dialing, or by being dialed.
#include <array>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "net/peers/conversation.h"
#include "net/peers/links.h"

namespace perdure::net {

// --- dialing -------------------------------------------------------------------------------

void Links::start_connecting(io::ShardAddress peer, Link& link, State from) {
  link.state = from;
  link.attempt = next_attempt_++;
  link.number = next_number_++;
  start("peers.connect", [self = shared_from_this(), peer, attempt = link.attempt] {
    self->connect(peer, attempt);
  });
}

// Unless somebody else has taken over, or it is up.
Links::Link* Links::current(io::ShardAddress peer, std::uint64_t attempt) {
  const auto found = links_.find(peer);
  return found == links_.end() || found->second.attempt != attempt ? nullptr : &found->second;
}

void Links::connect(io::ShardAddress peer, std::uint64_t attempt) {
  while (Link* link = current(peer, attempt)) {
    if (link->state == State::pausing) {
      const Duration pause = host::redial_pause(link->failures, parts_.random.draw("peers.pause"));
      if (!parts_.loop.scheduler.sleep_until(now() + pause)) return;
      link = current(peer, attempt);
      if (!link) return;
      link->state = State::opening;
      link->number = next_number_++;
    }
    const Instant deadline = now() + host::handshake_patience;
    Result<Dialed> dialed = dial(peer);
    const bool crossed = !dialed && dialed.error().code == Code::conflict;
    if (crossed && !parts_.loop.scheduler.sleep_until(deadline)) return;  // theirs comes instead
    link = current(peer, attempt);
    if (!link) return;
    if (!dialed) {
      attempt_failed(peer, *link, dialed.error());
      continue;
    }
    const auto connection =
        std::make_shared<Connection>(parts_.loop.scheduler, std::move(dialed->stream));
    connection->decoder = std::move(dialed->decoder);
    connection->dialed = true;
    fence_older(peer.node, dialed->incarnation);
    return come_up(peer, connection, dialed->incarnation);
  }
}

Result<Links::Dialed> Links::dial(io::ShardAddress peer) {
  const Instant deadline = now() + host::handshake_patience;
  const host::Introduction mine = {.identity = *identity_, .self = self(), .wanted = peer};
  const auto address = addresses_.find(peer.node);
  if (address == addresses_.end()) return fail(Code::not_found, "its address is not known");
  TRY(stream, parts_.streams.open(std::string(address->second), deadline));

  const Hello hello = hello_of(mine, draw_nonce());
  TRY_VOID(write_all(
      *stream, std::string(magic) + whole_frame(FrameKind::hello, wire::encode(hello)), deadline));
  FrameDecoder decoder(handshake_bytes_max);
  TRY(challenged, expect(*stream, decoder, FrameKind::challenge, deadline));
  TRY(theirs, wire::decode<Challenge>(challenged));
  const Result<Proof> proof = prove(mine, hello, theirs, parts_.secret);
  if (!proof) {
    (void)say(*stream, FrameKind::refusal, Refusal{.why = proof.error().detail}, deadline);
    stream->finish();
    return std::unexpected(proof.error());
  }
  decoder.allow(io::Peers::frame_bytes_max);  // frames may follow the welcome at once
  TRY_VOID(say(*stream, FrameKind::proof, *proof, deadline));
  TRY_VOID(expect(*stream, decoder, FrameKind::welcome, deadline));
  return Dialed{.stream = std::move(stream),
                .decoder = std::move(decoder),
                .incarnation = theirs.incarnation};
}

void Links::attempt_failed(io::ShardAddress peer, Link& link, const Error& why) {
  if (link.last_why != why.detail) {
    const bool refused = why.code == Code::invalid;
    parts_.trace.event(refused ? io::Level::warn : io::Level::info,
                       refused ? "peers.refused_us" : "peers.unreachable",
                       {{"node", peer.node.raw()}, {"shard", peer.shard}, {"why", why.detail}});
  }
  link.last_why = why.detail;
  link.state = State::pausing;
  ++link.failures;
  const bool dropped = !link.waiting.empty();
  link.waiting.clear();
  link.waiting_bytes = 0;
  if (dropped) parts_.tell({.peer = peer, .connection = link.number, .why = why.detail});
}

// --- being dialed --------------------------------------------------------------------------

void Links::admit(std::unique_ptr<MovableStream> stream) {
  Result<Hello> hello = shake_hands(*stream);
  if (!hello) {
    const bool stranger = hello.error().code != Code::invalid;
    parts_.trace.count(stranger ? "peers.strangers" : "peers.refused");
    if (!stranger) {
      parts_.trace.event(io::Level::warn, "peers.refused",
                         {{"from", stream->peer()}, {"why", hello.error().detail}});
    }
    return;
  }
  const std::uint32_t shard = hello->wanted_shard;
  parts_.hand_over(shard, {.stream = stream->move_out(), .hello = *hello});
}

// A dialer that has shown who it is and that it knows the secret.
Result<Hello> Links::shake_hands(MovableStream& stream) {
  const Instant deadline = now() + host::handshake_patience;
  std::string first(magic.size(), '\0');
  for (std::size_t got = 0; got < first.size();) {
    TRY(count, stream.read(std::as_writable_bytes(std::span(first).subspan(got)), deadline));
    if (count == 0) return fail(Code::failed, "closed");
    got += count;
  }
  if (first != magic) return fail(Code::corrupt, "not the peer protocol");
  const auto say_no = [&](const Error& why) -> std::unexpected<Error> {
    (void)say(stream, FrameKind::refusal, Refusal{.why = why.detail}, deadline);
    stream.finish();
    std::array<std::byte, 64> rest;  // else the reset may overtake the refusal
    while (stream.read(rest, deadline).value_or(0) > 0) {
    }
    return std::unexpected(why);
  };

  FrameDecoder decoder(handshake_bytes_max);
  TRY(said, expect(stream, decoder, FrameKind::hello, deadline));
  TRY(hello, wire::decode<Hello>(said));
  if (!identity_) return say_no({Code::invalid, "this node is not open yet"});
  const Result<Challenge> challenged =
      challenge(*identity_, shards_, hello, draw_nonce(), parts_.secret);
  if (!challenged) return say_no(challenged.error());
  TRY_VOID(say(stream, FrameKind::challenge, *challenged, deadline));
  TRY(proved, expect(stream, decoder, FrameKind::proof, deadline));
  TRY(proof, wire::decode<Proof>(proved));
  if (const auto known = verify(hello, *challenged, proof, parts_.secret); !known) {
    return say_no(known.error());
  }
  return std::move(hello);
}

void Links::arrive(Arrival arrival) {
  if (closed_) return;
  std::unique_ptr<MovableStream> stream = arrival.stream(parts_.loop);
  const host::Introduction introduction = introduction_of(arrival.hello);
  const io::ShardAddress dialer = introduction.self;
  if (!identity_) return refuse(std::move(stream), {.why = "this shard is not open yet"});
  if (const auto why = host::objection(*identity_, shards_, introduction, newest_[dialer.node])) {
    parts_.trace.event(io::Level::warn, "peers.refused", {{"from", stream->peer()}, {"why", *why}});
    return refuse(std::move(stream), {.why = *why});
  }
  fence_older(dialer.node, introduction.identity.incarnation);
  if (const auto found = links_.find(dialer); found != links_.end()) {
    const Link& link = found->second;
    const bool keep = host::cross(self(), dialer) == host::Crossing::keep_ours;
    // Ours may have come up while theirs was still shaking hands.
    const bool just_up = link.state == State::up && link.connection->dialed &&
                         now() < link.connection->since + host::handshake_patience;
    if (keep && (link.state == State::opening || just_up)) {
      return refuse(std::move(stream), {.why = "our own dial came first", .crossed = true});
    }
    if (link.state == State::up) lost(Held(link.connection), "it connected anew");
  }
  const auto connection = std::make_shared<Connection>(parts_.loop.scheduler, std::move(stream));
  push(*connection, FrameKind::welcome, {});
  come_up(dialer, connection, introduction.identity.incarnation);
}

// What an earlier process of that node has left is over, whatever its sockets say.
void Links::fence_older(NodeId node, std::uint64_t incarnation) {
  std::uint64_t& newest = newest_[node];
  if (incarnation <= newest) return;
  newest = incarnation;
  std::vector<Held> older;
  for (const auto& [peer, link] : links_) {
    if (peer.node == node && link.connection && link.connection->origin.incarnation < incarnation) {
      older.push_back(link.connection);
    }
  }
  for (const Held& connection : older) lost(connection, "a later incarnation of it is there");
}

void Links::refuse(std::unique_ptr<MovableStream> stream, Refusal refusal) {
  start("peers.refuse",
        [self = shared_from_this(), refusal = std::move(refusal), stream = std::move(stream)] {
          const Instant deadline = self->now() + host::handshake_patience;
          (void)say(*stream, FrameKind::refusal, refusal, deadline);
          stream->finish();
          std::array<std::byte, 64> rest;
          while (stream->read(rest, deadline).value_or(0) > 0) {
          }
        });
}

}  // namespace perdure::net
