#include "sim/network/peer_links.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/io/trace.h"
#include "sim/network/peers.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {
constexpr std::size_t queue_bytes_max = 8 << 20;  // waiting and on the way, one direction
constexpr Nanos ring_latency = 500;               // between shards of one process
}  // namespace

Universe& PeerLinks::universe() { return network_.universe(); }

Shard* PeerLinks::alive(const Place& place) {
  return universe().loop.alive(place.life) ? &place.host->shard(place.shard) : nullptr;
}

SimPeers& PeerLinks::peers_of(Shard& shard) { return static_cast<SimPeers&>(shard.world().peers); }

PeerLinks::End* PeerLinks::find(const Place& at, io::ShardAddress peer) {
  const auto found = ends_.find({at.host->number(), at.shard, peer});
  return found == ends_.end() || found->second.at.life != at.life ? nullptr : &found->second;
}

// When an end hears of a loss: soon, but not at once.
Nanos PeerLinks::notice() {
  Dice dice = universe().dice("peers.notice", ++notices_);
  return dice.log_between(10 * microsecond, 50 * millisecond);
}

// --- sending -------------------------------------------------------------------------------

Result<void> PeerLinks::send(Shard& from, io::ShardAddress to, std::string frame) {
  const io::ShardAddress self = peers_of(from).self();
  if (to.node == self.node || to.node == NodeId(0)) {
    if (to.shard >= from.host().shards()) return fail(Code::not_found, "no such shard");
    ring(from, to, std::move(frame));
    return {};
  }
  End& end = ends_[{from.host().number(), from.index(), to}];
  if (end.at.host == nullptr) {  // the first frame to there
    end.at = {.host = &from.host(), .life = from.life(), .shard = from.index(), .self = self};
    if (host_of(from, to.node) == nullptr) {
      ends_.erase({from.host().number(), from.index(), to});
      return fail(Code::not_found, "no way to node " + std::to_string(to.node.raw()));
    }
    end.at.self = self;
    open(end, to);
  }
  if (end.state == State::pausing) return fail(Code::retry_later, "no connection to that node");
  if (end.state == State::up) return transmit(end, to, std::move(frame));
  if (!end.waiting.empty() && end.waiting_bytes + frame.size() > queue_bytes_max) {
    return fail(Code::retry_later, "queue to that shard is full");
  }
  end.waiting_bytes += frame.size();
  end.waiting.push_back(std::move(frame));
  return {};
}

void PeerLinks::ring(Shard& from, io::ShardAddress to, std::string frame) {
  Nanos& last = ring_arrivals_[{from.host().number(), from.index(), to}];
  last = std::max(last, universe().loop.now() + ring_latency);
  const std::uint64_t payload = hash64(frame, to.shard);
  const CauseHere cause(universe().loop, from.tell(trace::What::send, "frame", {},
                                                   from.host().number(), frame.size()));
  const io::Origin origin = {.shard = peers_of(from).self(),
                             .incarnation = peers_of(from).identity().incarnation};
  universe().loop.at(
      last, from.life(), Kind::arrive, payload,
      [this, &host = from.host(), shard = to.shard, origin, frame = std::move(frame)]() mutable {
        Shard& there = host.shard(shard);
        there.post([this, &there, origin, frame = std::move(frame)]() mutable {
          peers_of(there).deliver(origin, std::move(frame));
        });
      });
}

// --- opening -------------------------------------------------------------------------------

// As it was told; else by number, where nobody told anything.
Host* PeerLinks::host_of(Shard& from, NodeId node) {
  if (const std::string* address = peers_of(from).address_of(node)) {
    const auto found = network_.resolve(from.host(), *address);
    return found ? found->host : nullptr;
  }
  for (const auto& host : universe().hosts()) {
    if (host->node() == node) return host.get();
  }
  return nullptr;
}

void PeerLinks::open(End& end, io::ShardAddress peer) {
  const WireId wire = next_++;
  end.state = State::opening;
  end.wire = wire;
  end.connection = next_++;
  Shard* const shard = alive(end.at);
  CHECK(shard != nullptr);
  Host* const to = host_of(*shard, peer.node);
  if (to == nullptr) return attempt_failed(end, peer, "no such host");
  universe().loop.at(network_.arrival(*end.at.host, *to), Life(), Kind::arrive, wire,
                     [this, wire, from = end.at, to,
                      introduction = host::Introduction{.identity = peers_of(*shard).identity(),
                                                        .self = peers_of(*shard).self(),
                                                        .wanted = peer}] {
                       knocked(wire, from, *to, introduction);
                     });
  universe().loop.after(nanos(host::handshake_patience), end.at.life, Kind::timer, wire,
                        [this, wire, at = end.at, peer] {
                          Shard* const here = alive(at);
                          here->post([this, wire, at, peer] {
                            End* const opened = find(at, peer);
                            if (opened && opened->state == State::opening && opened->wire == wire) {
                              attempt_failed(*opened, peer, "no answer in time");
                            }
                          });
                        });
}

void PeerLinks::knocked(WireId wire, Place from, Host& to, host::Introduction introduction) {
  const End* const dialer = alive(from) ? find(from, introduction.wanted) : nullptr;
  const bool given_up = !dialer || dialer->state != State::opening || dialer->wire != wire;
  if (given_up || !to.powered()) return;
  if (!to.up()) return answer_no(wire, from, to, introduction.wanted, "connection refused");
  // Whatever shard it wants, that one or the first says what it thinks of it.
  const std::uint32_t shard =
      introduction.wanted.shard < to.shards() ? introduction.wanted.shard : 0;
  to.shard(shard).post(
      [this, wire, from, &to, life = to.life(), shard, introduction = std::move(introduction)] {
        const io::ShardAddress self = {peers_of(to.shard(shard)).identity().node, shard};
        judge(wire, from, {.host = &to, .life = life, .shard = shard, .self = self}, introduction);
      });
}

void PeerLinks::judge(WireId wire, const Place& from, Place at,
                      const host::Introduction& introduction) {
  if (!alive(from)) return;
  Shard& shard = *alive(at);
  const io::Identity& mine = peers_of(shard).identity();
  const io::ShardAddress dialer = introduction.self;
  std::uint64_t& newest = newest_[{at.host->number(), dialer.node}];
  if (const auto why = host::objection(mine, at.host->shards(), introduction, newest)) {
    shard.world().trace.event(io::Level::warn, "peers.refused",
                              {{"node", dialer.node.raw()}, {"why", *why}});
    return answer_no(wire, from, *at.host, introduction.wanted, *why);
  }
  newest = introduction.identity.incarnation;
  fence_older(at, dialer.node, newest);

  End* const before = find(at, dialer);
  if (before && before->state == State::opening &&
      host::cross(at.self, dialer) == host::Crossing::keep_ours) {
    return;  // the dialer will have ours, or notice that it comes to nothing
  }
  if (before && before->state == State::up) {
    wires_.erase(before->wire);  // of which the dialer knows already that it is over
    lost(*before, dialer, "it connected anew");
  }
  wires_[wire] = {.ends = {from, at}};
  const Nanos arrival = network_.arrival(*at.host, *from.host);
  wires_[wire].last_arrival[1] = arrival;
  universe().loop.at(
      arrival, from.life, Kind::arrive, wire,
      [this, wire, from, peer = introduction.wanted, incarnation = mine.incarnation] {
        alive(from)->post(
            [this, wire, from, peer, incarnation] { welcome(wire, from, peer, incarnation); });
      });
  End& end = ends_[{at.host->number(), at.shard, dialer}];
  end.at = at;
  come_up(end, dialer, wire, introduction.identity.incarnation);
}

// What an earlier process of that node has left is over, whatever it looks like.
void PeerLinks::fence_older(const Place& at, NodeId node, std::uint64_t incarnation) {
  std::vector<io::ShardAddress> older;
  for (const auto& [name, end] : ends_) {
    if (name.host != at.host->number() || name.shard != at.shard || name.peer.node != node)
      continue;
    if (end.state == State::up && end.incarnation < incarnation) older.push_back(name.peer);
  }
  for (const io::ShardAddress peer : older) {
    End* const end = find(at, peer);
    if (!end || end->state != State::up) continue;
    wires_.erase(end->wire);
    lost(*end, peer, "a later incarnation of it is there");
  }
}

void PeerLinks::welcome(WireId wire, const Place& to, io::ShardAddress peer,
                        std::uint64_t incarnation) {
  if (!wires_.contains(wire)) return;  // over already; the patience of the dialer will tell
  End* const end = find(to, peer);
  if (!end || end->state != State::opening || end->wire != wire) return cut_wire(wire, "abandoned");
  std::uint64_t& newest = newest_[{to.host->number(), peer.node}];
  newest = std::max(newest, incarnation);
  come_up(*end, peer, wire, incarnation);
}

void PeerLinks::answer_no(WireId wire, const Place& to, const Host& from, io::ShardAddress peer,
                          std::string why) {
  universe().loop.at(network_.arrival(from, *to.host), to.life, Kind::arrive, wire,
                     [this, wire, to, peer, why = std::move(why)] {
                       alive(to)->post([this, wire, to, peer, why] {
                         End* const end = find(to, peer);
                         if (end && end->state == State::opening && end->wire == wire) {
                           attempt_failed(*end, peer, why);
                         }
                       });
                     });
}

void PeerLinks::attempt_failed(End& end, io::ShardAddress peer, const std::string& why) {
  ++end.failures;
  const bool dropped = !end.waiting.empty();
  end.waiting.clear();
  end.waiting_bytes = 0;
  const std::uint64_t connection = end.connection;
  pause(end, peer);
  if (!dropped) return;
  peers_of(*alive(end.at)).tell({.peer = peer, .connection = connection, .why = why});
}

void PeerLinks::pause(End& end, io::ShardAddress peer) {
  end.state = State::pausing;
  end.wire = 0;
  end.pause = next_++;
  Dice& dice = alive(end.at)->dice("peers.pause");
  universe().loop.after(nanos(host::redial_pause(end.failures, dice.next())), end.at.life,
                        Kind::timer, end.pause, [this, name = end.pause, at = end.at, peer] {
                          alive(at)->post([this, name, at, peer] {
                            End* const paused = find(at, peer);
                            if (!paused || paused->pause != name) return;
                            if (paused->state == State::pausing) open(*paused, peer);
                          });
                        });
}

void PeerLinks::forget(Shard& at, NodeId node) {
  std::vector<EndName> gone;
  for (auto& [name, end] : ends_) {
    if (name.host == at.host().number() && name.shard == at.index() && name.peer.node == node) {
      gone.push_back(name);
    }
  }
  for (const EndName& name : gone) {
    const End end = std::move(ends_.at(name));
    ends_.erase(name);
    if (end.state == State::up) cut_wire(end.wire, "node was forgotten");
    if (end.state == State::pausing) continue;
    if (end.state == State::opening && end.waiting.empty()) continue;
    peers_of(at).tell({.peer = name.peer,
                       .connection = end.connection,
                       .incarnation = end.incarnation,
                       .was_up = end.state == State::up,
                       .why = "node was forgotten"});
  }
}

void PeerLinks::try_again(Shard& at, NodeId node) {
  for (auto& [name, end] : ends_) {
    const bool ours = name.host == at.host().number() && name.shard == at.index();
    if (!ours || name.peer.node != node || end.state != State::pausing) continue;
    end.failures = 0;
    open(end, name.peer);
  }
}

// --- up ------------------------------------------------------------------------------------

void PeerLinks::come_up(End& end, io::ShardAddress peer, WireId wire, std::uint64_t incarnation) {
  end.state = State::up;
  end.wire = wire;
  end.connection = next_++;
  end.incarnation = incarnation;
  end.failures = 0;
  auto waiting = std::exchange(end.waiting, {});
  end.waiting_bytes = 0;
  for (std::string& frame : waiting) (void)transmit(end, peer, std::move(frame));
  peers_of(*alive(end.at))
      .tell({.peer = peer,
             .now = io::Link::Now::up,
             .connection = end.connection,
             .incarnation = incarnation});
}

Result<void> PeerLinks::transmit(End& end, io::ShardAddress, std::string frame) {
  const auto found = wires_.find(end.wire);
  if (found == wires_.end()) return {};  // over, but this end has not heard of it
  Wire& wire = found->second;
  const int sender = wire.ends[0].life == end.at.life ? 0 : 1;
  if (wire.in_flight[sender] > 0 && wire.in_flight[sender] + frame.size() > queue_bytes_max) {
    return fail(Code::retry_later, "queue to that shard is full");
  }
  const Place& to = wire.ends[1 - sender];
  const double loss = universe().weather.frame_loss;
  if (loss > 0 && universe().mishaps.befalls(faults::Kind::frame_loss,
                                             link_name(*end.at.host, *to.host), loss)) {
    universe().recorder.count("mishap.frame_loss", 1);
    alive(end.at)->tell(trace::What::drop, "frame", {}, to.host->number(), frame.size());
    cut_wire(end.wire, "connection was reset");
    return {};
  }
  Nanos& last = wire.last_arrival[sender];
  last = std::max(last, network_.arrival(*end.at.host, *to.host));
  wire.in_flight[sender] += frame.size();
  const std::uint64_t payload = hash64(frame, to.shard);
  const CauseHere cause(universe().loop, alive(end.at)->tell(trace::What::send, "frame", {},
                                                             to.host->number(), frame.size()));
  universe().loop.at(last, Life(), Kind::arrive, payload,
                     [this, id = end.wire, sender, frame = std::move(frame)]() mutable {
                       arrived(id, sender, std::move(frame));
                     });
  return {};
}

void PeerLinks::arrived(WireId id, int sender, std::string frame) {
  const auto found = wires_.find(id);
  if (found == wires_.end()) return;
  Wire& wire = found->second;
  wire.in_flight[sender] -= frame.size();
  const Place& to = wire.ends[1 - sender];
  Shard* const shard = alive(to);
  if (shard == nullptr) return;
  shard->post([this, id, to, peer = wire.ends[sender].self, frame = std::move(frame)]() mutable {
    const End* const end = find(to, peer);
    if (!end || end->state != State::up || end->wire != id) return;
    peers_of(*alive(to))
        .deliver({.shard = peer, .incarnation = end->incarnation, .connection = end->connection},
                 std::move(frame));
  });
}

void PeerLinks::cut_wire(WireId id, std::string_view why) {
  const auto found = wires_.find(id);
  if (found == wires_.end()) return;
  const Wire wire = found->second;
  wires_.erase(found);
  for (int side : {0, 1}) tell_later(wire.ends[side], wire.ends[1 - side].self, id, notice(), why);
}

void PeerLinks::tell_later(const Place& at, io::ShardAddress peer, WireId wire, Nanos delay,
                           std::string_view why) {
  if (!alive(at)) return;
  universe().loop.after(delay, at.life, Kind::arrive, wire,
                        [this, at, peer, wire, why = std::string(why)] {
                          alive(at)->post([this, at, peer, wire, why] {
                            End* const end = find(at, peer);
                            if (!end || end->wire != wire) return;
                            if (end->state == State::up) return lost(*end, peer, why);
                            if (end->state == State::opening) attempt_failed(*end, peer, why);
                          });
                        });
}

void PeerLinks::lost(End& end, io::ShardAddress peer, const std::string& why) {
  const io::Link link = {.peer = peer,
                         .connection = end.connection,
                         .incarnation = end.incarnation,
                         .was_up = true,
                         .why = why};
  const Place at = end.at;
  ++end.failures;
  pause(end, peer);
  peers_of(*alive(at)).tell(link);
}

// --- trouble -------------------------------------------------------------------------------

void PeerLinks::break_between(const Host& a, const Host& b, std::string_view why) {
  std::vector<WireId> between;
  for (const auto& [id, wire] : wires_) {
    const Host* const one = wire.ends[0].host;
    const Host* const two = wire.ends[1].host;
    if ((one == &a && two == &b) || (one == &b && two == &a)) between.push_back(id);
  }
  for (const WireId id : between) cut_wire(id, why);
}

void PeerLinks::silence(const Host& a, const Host& b) {
  break_between(a, b, "nothing was heard for too long");
}

void PeerLinks::silence(const Host& host) {
  for (const auto& other : universe().hosts()) silence(host, *other);
}

// Its ends are gone with it.  The others see a reset when the machine still lives, and
// nothing but silence when it does not.
void PeerLinks::host_died(const Host& host, Death death) {
  std::erase_if(ends_, [&](const auto& entry) { return entry.first.host == host.number(); });
  std::erase_if(newest_, [&](const auto& entry) { return entry.first.first == host.number(); });
  std::vector<WireId> touched;
  for (const auto& [id, wire] : wires_) {
    if (wire.ends[0].host == &host || wire.ends[1].host == &host) touched.push_back(id);
  }
  for (const WireId id : touched) {
    const Wire wire = wires_.at(id);
    wires_.erase(id);
    const int other = wire.ends[0].host == &host ? 1 : 0;
    const bool powered = death != Death::power_loss;
    const Nanos delay = powered ? notice() : nanos(host::silence_max) + notice();
    tell_later(wire.ends[other], wire.ends[1 - other].self, id, delay,
               powered ? "connection was reset" : "nothing was heard for too long");
  }
}

}  // namespace perdure::sim
