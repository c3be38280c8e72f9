#include "sim/network/conduit.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "sim/world/universe.h"

namespace perdure::sim {

Conduit::Conduit(Network& network, ConduitId id, Shard& opener, Host& to, std::uint16_t port)
    : network_(network),
      id_(id),
      to_(to),
      port_(port),
      opener_(std::make_unique<End>(opener)),
      from_(opener.host()) {}

Conduit::End& Conduit::at(Side side) {
  End* end = side == Side::opener ? opener_.get() : acceptor_.get();
  CHECK(end != nullptr);
  return *end;
}

bool Conduit::alive(Side side) {
  const End* end = side == Side::opener ? opener_.get() : acceptor_.get();
  return end != nullptr && network_.universe().loop.alive(end->life);
}

Host& Conduit::host_of(Side side) { return side == Side::opener ? from_ : to_; }

std::string Conduit::peer(Side side) const {
  const auto ip = [this](const Host& host) {
    return &from_ == &to_ ? std::string("127.0.0.1") : host.ip();
  };
  if (side == Side::opener) return fmt::format("{}:{}", ip(to_), port_);
  return fmt::format("{}:{}", ip(from_), 40'000 + id_ % 20'000);
}

// --- sending ---

// Of a told run: the send is the cause of the arrival.
std::uint64_t Conduit::tell_send(Side from, std::string_view what, std::size_t bytes) {
  const Recorder& recorder = network_.universe().recorder;
  if (!recorder.telling()) return 0;
  const Host& sender = host_of(from);
  return network_.universe().recorder.tell(
      {.what = trace::What::send,
       .life = sender.life(),
       .name = what,
       .detail = request_ ? request_->target : std::string_view(),
       .a = host_of(other(from)).number(),
       .b = bytes,
       .payload = id_});
}

void Conduit::send(Side from, std::string_view what, std::size_t bytes, std::uint64_t payload,
                   Shard::Action arrive) {
  End& end = at(from);
  Loop& loop = network_.universe().loop;
  // In order: never before what was sent earlier.
  const Nanos when =
      std::max(network_.arrival(host_of(from), host_of(other(from))), end.last_arrival);
  end.last_arrival = when;
  const CauseHere cause(loop, tell_send(from, what, bytes));
  loop.at(when, Life(), Kind::arrive,
          hash64({}, id_ * 2 + static_cast<std::uint64_t>(from)) ^ payload,
          [&network = network_, id = id_, arrive = std::move(arrive)]() mutable {
            if (network.find_conduit(id) != nullptr) arrive();
          });
}

void Conduit::send_reset(Side from) {
  End& end = at(from);
  end.broken = true;
  Loop& loop = network_.universe().loop;
  const CauseHere cause(loop, tell_send(from, "reset", 0));
  loop.at(network_.arrival(host_of(from), host_of(other(from))), Life(), Kind::arrive, id_,
          [&network = network_, id = id_, to = other(from)] {
            if (Conduit* conduit = network.find_conduit(id)) {
              conduit->break_now(to, "connection was reset");
            }
          });
}

// Something arrived where nobody is.  With power, the machine says so.
void Conduit::refuse(Side to) {
  const Side nobody = other(to);
  if (!host_of(nobody).powered()) return;
  Loop& loop = network_.universe().loop;
  const CauseHere cause(loop, tell_send(nobody, "refusal", 0));
  loop.at(network_.arrival(host_of(nobody), host_of(to)), Life(), Kind::arrive, id_,
          [&network = network_, id = id_, to] {
            if (Conduit* conduit = network.find_conduit(id)) {
              conduit->break_now(to, "connection was refused");
            }
          });
}

void Conduit::break_now(Side side, std::string_view why) {
  if (!alive(side)) return;
  at(side).shard->post([network = &network_, id = id_, side, why = std::string(why)] {
    Conduit* conduit = network->find_conduit(id);
    if (conduit == nullptr) return;
    End& end = conduit->at(side);
    if (end.broken) return;
    end.broken = true;
    end.why = why;
    end.unread.clear();
    end.consumed = 0;
    conduit->wake(side);
  });
}

void Conduit::wake(Side side) {
  at(side).changed.notify_all();
  at(side).room.notify_all();
}

// --- opening ---

void Conduit::open(io::Request request, io::HttpVersion version, std::size_t window) {
  request_ = std::move(request);
  version_ = version;
  open(window);
}

void Conduit::open(std::size_t window) {
  window_ = std::max<std::size_t>(window, 1);
  const std::uint64_t payload = request_ ? hash64(request_->target, hash64(request_->method)) : 0;
  const std::string method = request_ ? request_->method : "connect";
  send(Side::opener, method, 0, payload, [this] { accept_here(); });
}

void Conduit::accept_here() {
  knocked_ = true;
  Network::Listener* listener =
      to_.up() ? network_.pick_listener({.host = &to_, .port = port_}) : nullptr;
  if (listener == nullptr) {
    refuse(Side::opener);
    return drop_if_released();
  }
  acceptor_ = std::make_unique<End>(*listener->shard);
  acceptor_->open = true;
  acceptor_->last_arrival = 0;
  listener->shard->post([network = &network_, id = id_, listener_id = listener->id] {
    Conduit* conduit = network->find_conduit(id);
    Network::Listener* still = network->find_listener(listener_id);
    if (conduit == nullptr) return;
    if (still == nullptr) return conduit->release(Side::acceptor);
    still->accept(id);
  });
  if (opener_->broken) break_now(Side::acceptor, "connection was reset");  // it was on its way
  send(Side::acceptor, "accepted", 0, 1, [this] {
    if (!alive(Side::opener)) return;
    opener_->shard->post([network = &network_, id = id_] {
      if (Conduit* conduit = network->find_conduit(id)) {
        conduit->opener_->open = true;
        conduit->wake(Side::opener);
      }
    });
  });
}

Result<void> Conduit::wait_open(Instant deadline) {
  while (true) {
    if (opener_->broken) return fail(Code::failed, opener_->why);
    if (opener_->open) return {};
    TRY_VOID(opener_->changed.wait(deadline));
  }
}

// --- bytes ---

std::size_t Conduit::cut_short(Side side, std::size_t bytes) {
  Universe& universe = network_.universe();
  if (bytes <= 1 || universe.weather.split == 0) return bytes;
  auto dice = universe.mishaps.befalls(faults::Kind::split, link(side), universe.weather.split);
  if (!dice) return bytes;
  universe.recorder.count("mishap.split", 1);
  return dice->chance(0.5) ? 1 + dice->below(std::min<std::size_t>(bytes, 16))
                           : 1 + dice->below(bytes);
}

Result<std::size_t> Conduit::write(Side side, std::string_view bytes, Instant deadline) {
  End& end = at(side);
  CHECK(!bytes.empty());
  if (!alive(side)) return fail(Code::cancelled, "the process is gone");
  while (true) {
    if (end.broken) return fail(Code::failed, end.why);
    const bool not_finished = !end.finished;
    CHECK(not_finished);
    if (end.outstanding < window_) break;
    TRY_VOID(end.room.wait(deadline));
  }
  const std::size_t count =
      std::min(bytes.size(), cut_short(side, std::min(bytes.size(), window_ - end.outstanding)));
  if (!end.shard->effect()) end.shard->park_until_death();
  Universe& universe = network_.universe();
  if (universe.weather.connection_reset > 0 &&
      universe.mishaps.befalls(faults::Kind::connection_reset, link(side),
                               universe.weather.connection_reset)) {
    universe.recorder.count("mishap.connection_reset", 1);
    send_reset(side);
    wake(side);  // somebody else may read here
    return fail(Code::failed, "connection was reset");
  }
  push(side, bytes.substr(0, count));
  return count;
}

void Conduit::write_all(Side side, std::string_view bytes) {
  if (bytes.empty() || !alive(side) || at(side).broken || !at(side).shard->effect()) return;
  push(side, bytes);
}

void Conduit::push(Side side, std::string_view bytes) {
  at(side).outstanding += bytes.size();
  send(side, "bytes", bytes.size(), hash64(bytes),
       [this, to = other(side), sent = std::string(bytes)]() mutable {
         arrived(to, std::move(sent));
       });
}

// At the far end, still outside of its turn.
void Conduit::arrived(Side side, std::string bytes) {
  if (!alive(side)) return refuse(other(side));
  at(side).shard->post([network = &network_, id = id_, side, bytes = std::move(bytes)] {
    Conduit* conduit = network->find_conduit(id);
    if (conduit == nullptr) return;
    End& end = conduit->at(side);
    if (end.broken) return;
    if (end.left) return conduit->give_back(side, bytes.size());
    if (!end.held) return conduit->send_reset(side);
    end.unread += bytes;
    conduit->wake(side);
  });
}

Result<std::string> Conduit::read(Side side, std::size_t bytes_max, Instant deadline) {
  End& end = at(side);
  CHECK(bytes_max > 0);
  if (!alive(side)) return fail(Code::cancelled, "the process is gone");
  while (end.consumed == end.unread.size()) {
    if (end.broken) return fail(Code::failed, end.why);
    if (end.ended) return std::string();
    TRY_VOID(end.changed.wait(deadline));
  }
  const std::size_t there = std::min(bytes_max, end.unread.size() - end.consumed);
  const std::size_t count = std::min(there, cut_short(side, there));
  std::string bytes = end.unread.substr(end.consumed, count);
  end.consumed += count;
  if (end.consumed == end.unread.size()) end.unread.clear(), end.consumed = 0;
  end.to_give_back += count;
  if (end.to_give_back * 4 >= window_) give_back(side, std::exchange(end.to_give_back, 0));
  return bytes;
}

// Tells the writer that there is room again.
void Conduit::give_back(Side side, std::size_t bytes) {
  send(side, "room", bytes, bytes, [this, to = other(side), bytes] {
    if (!alive(to)) return;
    at(to).shard->post([network = &network_, id = id_, to, bytes] {
      Conduit* conduit = network->find_conduit(id);
      if (conduit == nullptr) return;
      End& end = conduit->at(to);
      end.outstanding -= std::min(end.outstanding, bytes);
      end.room.notify_all();
    });
  });
}

void Conduit::finish(Side side) {
  if (!alive(side)) return;
  End& end = at(side);
  if (end.finished || end.broken || !end.shard->effect()) return;
  end.finished = true;
  send(side, "end", 0, 2, [this, to = other(side)] {
    if (!alive(to)) return refuse(other(to));
    at(to).shard->post([network = &network_, id = id_, to] {
      Conduit* conduit = network->find_conduit(id);
      if (conduit == nullptr) return;
      conduit->at(to).ended = true;
      conduit->wake(to);
    });
  });
}

void Conduit::reset(Side side) {
  if (!alive(side)) return;
  End& end = at(side);
  if (end.broken || !end.shard->effect()) return;
  end.why = "connection was reset here";
  end.unread.clear();
  end.consumed = 0;
  send_reset(side);
  wake(side);
}

void Conduit::release(Side side) {
  if (!alive(side)) return;  // host_died() has seen to it
  End& end = at(side);
  if (!(end.finished && end.ended && end.unread.empty())) reset(side);
  end.held = false;
  drop_if_released();
}

void Conduit::leave(Side side) {
  if (!alive(side)) return;
  if (at(side).finished) {
    at(side).left = true;
    at(side).held = false;
    return drop_if_released();
  }
  release(side);
}

void Conduit::drop_if_released() {
  const bool opener_gone = !opener_->held || !alive(Side::opener);
  const bool acceptor_gone =
      acceptor_ == nullptr ? knocked_ : !acceptor_->held || !alive(Side::acceptor);
  if (opener_gone && acceptor_gone) network_.drop_conduit(id_);
}

// --- heads ---

void Conduit::send_head(io::Response head) {
  if (!alive(Side::acceptor) || acceptor_->broken || !acceptor_->shard->effect()) return;
  const auto payload = static_cast<std::uint64_t>(head.status);
  const std::string status = std::to_string(head.status);
  send(Side::acceptor, status, 0, payload, [this, head = std::move(head)]() mutable {
    if (!alive(Side::opener)) return refuse(Side::acceptor);
    opener_->shard->post([network = &network_, id = id_, head = std::move(head)]() mutable {
      Conduit* conduit = network->find_conduit(id);
      if (conduit == nullptr || conduit->opener_->broken) return;
      conduit->opener_->head = std::move(head);
      conduit->wake(Side::opener);
    });
  });
}

Result<io::Response> Conduit::wait_head(Instant deadline) {
  if (!alive(Side::opener)) return fail(Code::cancelled, "the process is gone");
  while (true) {
    if (opener_->head) return *opener_->head;
    if (opener_->broken) return fail(Code::failed, opener_->why);
    if (opener_->ended) return fail(Code::failed, "stream ended without an answer");
    TRY_VOID(opener_->changed.wait(deadline));
  }
}

// --- the end of hosts ---

bool Conduit::between(const Host& a, const Host& b) const {
  if (&a == &b) return &from_ == &a || &to_ == &a;
  return (&from_ == &a && &to_ == &b) || (&from_ == &b && &to_ == &a);
}

// Its life has ended.  The kernel of a machine with power resets what the process had
// open, after a moment; a machine without power says nothing, ever.
void Conduit::host_died(const Host& host, Death death) {
  for (const Side side : {Side::opener, Side::acceptor}) {
    const bool there = side == Side::opener || acceptor_ != nullptr;
    if (!there || &host_of(side) != &host || alive(side) || !at(side).held) continue;
    at(side).held = false;
    if (death == Death::process_crash && !at(side).broken) send_reset(side);
  }
  drop_if_released();
}

}  // namespace perdure::sim
