// sim/network/peer_links.h
//
// The connections between shards of different hosts, for io::Peers: frames travel over
// Wires, each end of a wire has its own opinion of it, and the rules are those of the
// real twin (host/peering.h).
//
//     End (n1.0 → n2.0)                                  End (n2.0 → n1.0)
//      opening ── knock ───────────────────────────────►  judged, in a turn of the shard
//      up  ◄───────────────────────────────── welcome ──  up
//        ╎◄════════════════ Wire 17: frames, in order ═══════════════►╎
//      pausing                                            up still, hears of it later
//
// A wire ends when a process of its two dies, when connections are reset, by the
// weather's frame_loss, and when either host hears nothing for silence_max because a
// link is cut, one way is enough, or a process stands still.  What is on its way is then
// lost, both ways; each end is told after a delay of its own, or, where a host lost its
// power, not before the silence is noticed.
//
// Frames between shards of one process go by ring: in order, never lost.
//
// Kinder than the world: the handshake is one message each way.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "engine/io/peers.h"
#include "host/peering.h"
#include "sim/network/network.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class SimPeers;

class PeerLinks {
 public:
  explicit PeerLinks(Network& network) : network_(network) {}

  // --- for SimPeers ---
  Result<void> send(Shard& from, io::ShardAddress to, std::string frame);
  void forget(Shard& at, NodeId node);
  void try_again(Shard& at, NodeId node);

  // --- for the network ---
  void break_between(const Host& a, const Host& b, std::string_view why);
  void silence(const Host& a, const Host& b);  // nothing has been heard for silence_max
  void silence(const Host& host);
  void host_died(const Host& host, Death death);

 private:
  using WireId = std::uint64_t;

  struct Place {  // one shard of one life of a host
    Host* host = nullptr;
    Life life;
    std::uint32_t shard = 0;
    io::ShardAddress self;  // as it calls itself
  };
  enum class State { opening, up, pausing };
  struct End {
    Place at;
    State state = State::pausing;
    WireId wire = 0;               // that it opens or uses
    std::uint64_t connection = 0;  // how its shard knows it
    std::uint64_t incarnation = 0;
    std::deque<std::string> waiting;  // for the connection
    std::size_t waiting_bytes = 0;
    std::uint32_t failures = 0;  // in a row
    std::uint64_t pause = 0;     // names the pause it is in
  };
  struct Wire {
    Place ends[2];  // who dialed, who accepted
    Nanos last_arrival[2] = {};
    std::size_t in_flight[2] = {};  // bytes sent by that end
  };
  struct EndName {
    std::uint32_t host, shard;
    io::ShardAddress peer;
    friend auto operator<=>(const EndName&, const EndName&) = default;
  };

  Universe& universe();
  Shard* alive(const Place& place);
  SimPeers& peers_of(Shard& shard);
  End* find(const Place& at, io::ShardAddress peer);
  void ring(Shard& from, io::ShardAddress to, std::string frame);

  // --- opening ---
  void open(End& end, io::ShardAddress peer);
  Host* host_of(Shard& from, NodeId node);
  void knocked(WireId wire, Place from, Host& to, host::Introduction introduction);
  void judge(WireId wire, const Place& from, Place at, const host::Introduction& introduction);
  void fence_older(const Place& at, NodeId node, std::uint64_t incarnation);
  void welcome(WireId wire, const Place& to, io::ShardAddress peer, std::uint64_t incarnation);
  void answer_no(WireId wire, const Place& to, const Host& from, io::ShardAddress peer,
                 std::string why);
  void attempt_failed(End& end, io::ShardAddress peer, const std::string& why);
  void pause(End& end, io::ShardAddress peer);

  // --- up ---
  void come_up(End& end, io::ShardAddress peer, WireId wire, std::uint64_t incarnation);
  Result<void> transmit(End& end, io::ShardAddress peer, std::string frame);
  void arrived(WireId id, int sender, std::string frame);
  void cut_wire(WireId wire, std::string_view why);  // both ends hear of it
  void tell_later(const Place& at, io::ShardAddress peer, WireId wire, Nanos delay,
                  std::string_view why);
  void lost(End& end, io::ShardAddress peer, const std::string& why);
  Nanos notice();

  Network& network_;
  std::map<EndName, End> ends_;
  std::map<WireId, Wire> wires_;
  std::map<std::pair<std::uint32_t, NodeId>, std::uint64_t> newest_;  // heard at host, of node
  std::map<EndName, Nanos> ring_arrivals_;
  std::uint64_t next_ = 1;  // wires, connections, pauses
  std::uint64_t notices_ = 0;
};

}  // namespace perdure::sim
