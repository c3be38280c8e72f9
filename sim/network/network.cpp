#include "sim/network/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "sim/network/conduit.h"
#include "sim/network/peer_links.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {
constexpr Nanos delay_max = 10 * second;
}  // namespace

Network::Network(Universe& universe)
    : universe_(universe), peer_links_(std::make_unique<PeerLinks>(*this)) {}
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
  cut_one_way(from, to, until);
  if (both_ways) cut_one_way(to, from, until);
  if (breaking) {
    universe_.loop.after(lasts / 2, Life(), Kind::nemesis, 0,
                         [this, &from, &to] { reset_connections(from, to); });
  }
}

// Long enough, and those who ping over it notice.
void Network::cut_one_way(const Host& from, const Host& to, Nanos until) {
  const Nanos now = universe_.loop.now();
  const Nanos silence = nanos(host::silence_max);
  Link& link = links_[{from.number(), to.number()}];
  if (now >= link.cut_until) link.cut_since = now;
  link.cut_until = std::max(link.cut_until, until);
  if (link.cut_until - link.cut_since < silence) return;
  const Nanos noticed = std::max(now, link.cut_since + silence);
  universe_.loop.at(noticed, Life(), Kind::nemesis, 0, [this, &link, &from, &to, silence] {
    const Nanos then = universe_.loop.now();
    if (then < link.cut_until && then - link.cut_since >= silence) peer_links_->silence(from, to);
  });
}

void Network::host_paused(const Host& host, Nanos lasts) {
  const Nanos silence = nanos(host::silence_max);
  if (lasts < silence) return;
  universe_.loop.after(silence, host.life(), Kind::nemesis, 0,
                       [this, &host] { peer_links_->silence(host); });
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
  peer_links_->break_between(a, b, "connection was reset");
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
  peer_links_->host_died(host, death);
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

}  // namespace perdure::sim
