// sim/network/network.h
//
// The network of a universe: which host has which address, how long things take between
// two hosts, who listens, and the connections there are.
//
//     Network ── Link per ordered pair of hosts: slow, cut until when, how many sent
//        ├── Conduits: connections, for io::Streams and for io::Http (conduit.h)
//        ├── PeerLinks: frames from shard to shard, for io::Peers (peer_links.h)
//        └── listeners by (host, port)
//
// A link that is cut holds what is sent until it is whole again, as retransmission
// does; a breaking cut also ends the connections over it.  A host without power answers
// nothing; a host whose process is gone answers with resets.
//
// Not modelled: bandwidth, routing, addresses that change.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "sim/world/host.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class Conduit;
class PeerLinks;
std::string link_name(const Host& from, const Host& to);  // "n1>n3"
using ConduitId = std::uint64_t;

class Network {
 public:
  explicit Network(Universe& universe);
  ~Network();

  // --- time and trouble ---
  // When something sent now arrives.
  Nanos arrival(const Host& from, const Host& to);
  void cut(const Host& from, const Host& to, Nanos lasts, bool both_ways, bool breaking);
  void slow(const Host& from, const Host& to, std::uint32_t times, Nanos lasts);
  void reset_connections(const Host& a, const Host& b);
  void heal();
  void host_died(Host& host, Death death);  // after its life has ended
  void host_paused(const Host& host, Nanos lasts);

  // --- addresses ---
  struct Address {
    Host* host = nullptr;
    std::uint16_t port = 0;
  };
  // As `from` sees it: "127.0.0.1:80", "10.0.0.2:80", "n2:80".  Errors: invalid,
  // not_found.
  Result<Address> resolve(Host& from, std::string_view address);
  Host* find_ip(std::string_view ip);

  // --- listening ---
  using Accept = std::function<void(ConduitId)>;  // in a turn of the listening shard
  struct Listening {
    std::uint64_t id = 0;
    std::string address;
  };
  Result<Listening> listen(Shard& shard, std::string_view address, Accept accept);
  void stop_listening(std::uint64_t id);
  struct Listener {
    std::uint64_t id;
    Shard* shard;
    Life life;
    Accept accept;
  };
  // One of those at the address, by draw; nullptr when there is none.
  Listener* pick_listener(Address at);
  Listener* find_listener(std::uint64_t id);

  // --- connections ---
  Conduit& make_conduit(Shard& opener, Host& to, std::uint16_t port);
  Conduit* find_conduit(ConduitId id);
  void drop_conduit(ConduitId id);
  std::size_t conduits() const { return conduits_.size(); }

  // --- frames ---
  PeerLinks& peer_links() { return *peer_links_; }

  Universe& universe() { return universe_; }

 private:
  struct Link {
    std::uint64_t sent = 0;
    std::uint32_t slow = 1;
    Nanos slow_until = 0, cut_since = 0, cut_until = 0;
  };
  using Pair = std::pair<std::uint32_t, std::uint32_t>;  // hosts, ordered
  void cut_one_way(const Host& from, const Host& to, Nanos until);

  Universe& universe_;
  std::map<Pair, Link> links_;
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::vector<Listener>> listeners_;
  std::map<std::uint32_t, std::uint16_t> next_port_;
  std::map<ConduitId, std::unique_ptr<Conduit>> conduits_;
  std::unique_ptr<PeerLinks> peer_links_;
  std::uint64_t next_id_ = 1;
};

}  // namespace perdure::sim
