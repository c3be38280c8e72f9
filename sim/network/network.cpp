#include "sim/network/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "sim/network/conduit.h"
#include "sim/network/peers.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {
constexpr std::size_t lane_bytes_max = 8 << 20;
constexpr Nanos delay_max = 10 * second;
constexpr Nanos ring_latency = 500;  // between shards of one process
}  // namespace

Network::Network(Universe& universe) : universe_(universe) {}
Network::~Network() = default;

// --- time and trouble ---

std::string link_name(const Host& from, const Host& to) { return from.name() + ">" + to.name(); }

Nanos Network::arrival(const Host& from, const Host& to) {
  const faults::Weather& weather = universe_.weather;
  const Nanos now = universe_.loop.now();
  if (&from == &to) return now + 20 * microsecond;
  const Pair pair = {from.number(), to.number()};
  Link& link = links_[pair];
  const std::uint64_t entity = std::uint64_t{pair.first} << 32 | pair.second;
  Dice dice(universe_.seed() ^ ++link.sent * 0x9E3779B97F4A7C15u, "net.delay", entity);
  Nanos delay = universe_.latency(dice, weather.link);
  if (weather.link_tail > 0 && universe_.mishaps.befalls(faults::Kind::network_tail,
                                                         link_name(from, to), weather.link_tail)) {
    delay *= 100;
  }
  if (now < link.slow_until) delay *= link.slow;
  delay = std::min(delay, delay_max);
  // What meets a cut is sent again after it, later the longer it lasted.
  if (now < link.cut_until)
    return link.cut_until + delay + dice.below(link.cut_until - now + 1) / 4;
  return now + delay;
}

void Network::cut(const Host& from, const Host& to, Nanos lasts, bool both_ways, bool breaking) {
  const Nanos until = universe_.loop.now() + lasts;
  Nanos& one = links_[{from.number(), to.number()}].cut_until;
  one = std::max(one, until);
  if (both_ways) {
    Nanos& back = links_[{to.number(), from.number()}].cut_until;
    back = std::max(back, until);
  }
  if (breaking) {
    universe_.loop.after(lasts / 2, Life(), Kind::nemesis, 0,
                         [this, &from, &to] { reset_connections(from, to); });
  }
}

void Network::slow(const Host& from, const Host& to, std::uint32_t times, Nanos lasts) {
  Link& link = links_[{from.number(), to.number()}];
  link.slow = std::max(times, 1u);
  link.slow_until = universe_.loop.now() + lasts;
}

void Network::reset_connections(const Host& a, const Host& b) {
  for (const auto& [id, conduit] : conduits_) {
    if (!conduit->between(a, b)) continue;
    conduit->break_now(Side::opener, "connection was reset");
    conduit->break_now(Side::acceptor, "connection was reset");
  }
  end_lanes(a, b);
}

void Network::end_lanes(const Host& a, const Host& b) {
  for (auto& [name, lane] : lanes_) {
    const bool between = (name.from.node == a.node() && name.to.node == b.node()) ||
                         (name.from.node == b.node() && name.to.node == a.node());
    if (between) ++lane.generation, lane.bytes_in_flight = 0;
  }
}

void Network::heal() {
  for (auto& [pair, link] : links_) link.cut_until = link.slow_until = 0;
}

void Network::host_died(Host& host, Death death) {
  for (auto& [at, listeners] : listeners_) {
    if (at.first == host.number()) listeners.clear();
  }
  std::vector<ConduitId> touched;
  for (const auto& [id, conduit] : conduits_) {
    if (conduit->touches(host)) touched.push_back(id);
  }
  for (const ConduitId id : touched) conduits_.at(id)->host_died(host, death);
}

// --- addresses ---

Host* Network::find_ip(std::string_view ip) {
  for (const auto& host : universe_.hosts()) {
    if (host->ip() == ip) return host.get();
  }
  return nullptr;
}

Result<Network::Address> Network::resolve(Host& from, std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == address.npos) return fail(Code::invalid, "address has no port");
  const std::string_view name = address.substr(0, colon);
  const std::string_view digits = address.substr(colon + 1);
  Address found;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), found.port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return fail(Code::invalid, "address has a bad port");
  }
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  if (name.empty() || (name.find(':') != name.npos && !bracketed)) {
    return fail(Code::invalid, "address has no host");
  }
  const bool here = name == "0.0.0.0" || name == "[::]" || name == "127.0.0.1" || name == "[::1]" ||
                    name == "localhost";
  found.host = here ? &from : find_ip(name);
  if (found.host == nullptr) found.host = universe_.find_host(name);
  if (found.host == nullptr) return fail(Code::not_found, "no such host: " + std::string(name));
  return found;
}

// --- listening ---

Result<Network::Listening> Network::listen(Shard& shard, std::string_view address, Accept accept) {
  TRY(at, resolve(shard.host(), address));
  if (at.host != &shard.host()) return fail(Code::invalid, "not an address of this host");
  if (at.port == 0) {
    std::uint16_t& next = next_port_[shard.host().number()];
    next = next < 30'000 ? 30'000 : static_cast<std::uint16_t>(next + 1);
    at.port = next;
  }
  std::vector<Listener>& there = listeners_[{at.host->number(), at.port}];
  for (const Listener& listener : there) {
    if (listener.shard == &shard) return fail(Code::conflict, "address is in use");
  }
  const std::uint64_t id = next_id_++;
  there.push_back({.id = id, .shard = &shard, .life = shard.life(), .accept = std::move(accept)});
  const std::string_view name = address.substr(0, address.rfind(':'));
  const bool any = name == "0.0.0.0" || name == "[::]";
  return Listening{
      .id = id, .address = fmt::format("{}:{}", any ? at.host->ip() : std::string(name), at.port)};
}

void Network::stop_listening(std::uint64_t id) {
  for (auto& [at, listeners] : listeners_) {
    std::erase_if(listeners, [id](const Listener& listener) { return listener.id == id; });
  }
}

Network::Listener* Network::pick_listener(Address at) {
  const auto found = listeners_.find({at.host->number(), at.port});
  if (found == listeners_.end() || found->second.empty()) return nullptr;
  Dice dice = universe_.dice("net.accept", next_id_);
  return &found->second[dice.below(found->second.size())];
}

Network::Listener* Network::find_listener(std::uint64_t id) {
  for (auto& [at, listeners] : listeners_) {
    for (Listener& listener : listeners) {
      if (listener.id == id) return &listener;
    }
  }
  return nullptr;
}

// --- connections ---

Conduit& Network::make_conduit(Shard& opener, Host& to, std::uint16_t port) {
  const ConduitId id = next_id_++;
  return *(conduits_[id] = std::make_unique<Conduit>(*this, id, opener, to, port));
}

Conduit* Network::find_conduit(ConduitId id) {
  const auto found = conduits_.find(id);
  return found == conduits_.end() ? nullptr : found->second.get();
}

void Network::drop_conduit(ConduitId id) { conduits_.erase(id); }

// --- frames ---

Result<void> Network::send_frame(Shard& from, io::ShardAddress to, std::string frame) {
  Host* host = nullptr;
  for (const auto& each : universe_.hosts()) {
    if (each->node() == to.node) host = each.get();
  }
  if (host == nullptr || to.shard >= host->shards()) return fail(Code::not_found, "no such shard");
  const bool same_process = host == &from.host();
  const LaneName name = {.from = {from.host().node(), from.index()}, .to = to};
  Lane& lane = lanes_[name];
  if (!same_process && lane.bytes_in_flight + frame.size() > lane_bytes_max) {
    return fail(Code::retry_later, "queue to that shard is full");
  }
  const double loss = universe_.weather.frame_loss;
  if (!same_process && loss > 0 &&
      universe_.mishaps.befalls(faults::Kind::frame_loss, link_name(from.host(), *host), loss)) {
    universe_.recorder.count("mishap.frame_loss", 1);
    from.tell(trace::What::drop, "frame", {}, host->number(), frame.size());
    ++lane.generation;  // the connection ends here, with all that is on its way
    lane.bytes_in_flight = 0;
    return {};
  }
  const Nanos arrival =
      same_process ? universe_.loop.now() + ring_latency : this->arrival(from.host(), *host);
  lane.last_arrival = std::max(lane.last_arrival, arrival);
  lane.bytes_in_flight += frame.size();
  const std::uint64_t payload = hash64(frame, to.shard);
  const CauseHere cause(universe_.loop,
                        from.tell(trace::What::send, "frame", {}, host->number(), frame.size()));
  universe_.loop.at(lane.last_arrival, Life(), Kind::arrive, payload,
                    [this, name, generation = lane.generation, host, sender = from.life(),
                     receiver = host->life(), frame = std::move(frame)]() mutable {
                      Lane& at = lanes_[name];
                      if (at.generation != generation) return;
                      at.bytes_in_flight -= std::min(at.bytes_in_flight, frame.size());
                      if (!universe_.loop.alive(receiver) || !universe_.loop.alive(sender)) return;
                      deliver_frame(host->shard(name.to.shard), name.from, std::move(frame));
                    });
  return {};
}

}  // namespace perdure::sim
