// tests/io/two_nodes.h
//
// Two nodes of one shard each, on one host after another, for the suite of io::Peers.
// The body of a test runs in a fiber of node 1 and looks at both.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/clock.h"
#include "engine/io/peers.h"
#include "net/loop/loop.h"
#include "net/loop/offload.h"
#include "net/peers/peers.h"
#include "net/random/random.h"
#include "net/sockets/names.h"
#include "sim/network/network.h"
#include "sim/world/guests.h"
#include "sim/world/universe.h"
#include "tests/io/silent_trace.h"
#include "tests/net/certificates.h"

namespace perdure::io {

class TwoNodes {
 public:
  virtual ~TwoNodes() = default;
  virtual void run(std::move_only_function<void()> body) = 0;  // in a fiber of node 1
  virtual Fibers& fibers() = 0;                                // of node 1
  virtual Clock& clock() = 0;
  virtual Peers& peers(int node) = 0;
  virtual std::string address(int node) = 0;  // where it can be reached
  // From the fiber of the test:
  virtual void restart_node_2() = 0;     // a new process: nobody listens to its frames yet
  virtual void reset_connections() = 0;  // between the two
};

struct TwoNodesMaker {
  const char* name;
  std::unique_ptr<TwoNodes> (*make)();
};

// --- net -----------------------------------------------------------------------------------

// Both nodes on one loop; what reaches them from outside is told apart as it should.
class NetTwoNodes final : public TwoNodes {
 public:
  // With an authority over TLS.
  explicit NetTwoNodes(std::unique_ptr<net::Authority> authority = nullptr)
      : authority_(std::move(authority)) {
    for (Node& node : nodes_) node.start(*this);
  }
  ~NetTwoNodes() override { pool_.stop(); }

  void run(std::move_only_function<void()> body) override {
    loop_.scheduler.spawn_root("test", [this, body = std::move(body)]() mutable {
      for (Node& node : nodes_) node.listen();
      body();
      for (Node& node : nodes_) node.peers->close(), node.listener.reset();
      loop_.stop();
    });
    loop_.run();
  }
  Fibers& fibers() override { return loop_.scheduler; }
  Clock& clock() override { return loop_.clock; }
  Peers& peers(int node) override { return *at(node).peers; }
  std::string address(int node) override { return at(node).listener->address(); }
  void restart_node_2() override {
    Node& node = at(2);
    const std::string address = node.listener->address();
    node.peers->close();
    node.listener.reset();
    (void)loop_.scheduler.sleep_until(loop_.clock.steady() + std::chrono::milliseconds(20));
    node.start(*this);
    node.listen(address);
  }
  void reset_connections() override { at(2).peers->break_connections(); }

 private:
  struct Node {
    explicit Node(std::uint64_t number) : id(number) {}
    void start(NetTwoNodes& home) {
      if (peers) former.push_back(std::move(peers));
      mesh.shards.clear();
      peers = std::make_unique<net::ShardPeers>(
          net::ShardPeers::Parts{.loop = home.loop_,
                                 .streams = home.streams_,
                                 .random = home.random_,
                                 .trace = home.trace_,
                                 .mesh = mesh,
                                 .self = {.node = NodeId(id), .shard = 0},
                                 .secret = "between us",
                                 .credentials = home.credentials_of(id)});
      mesh.shards.push_back(peers.get());
    }
    void listen(std::string address = "127.0.0.1:0") {
      auto made = peers->port().listen(address);
      CHECK(made.has_value());
      listener = std::move(*made);
    }
    const std::uint64_t id;
    net::Mesh mesh;
    std::unique_ptr<net::ShardPeers> peers;
    std::unique_ptr<Listener> listener;
    std::vector<std::unique_ptr<net::ShardPeers>> former;
  };
  Node& at(int node) { return nodes_[node - 1]; }
  std::shared_ptr<const net::Credentials> credentials_of(std::uint64_t node) {
    if (!authority_) return nullptr;
    return net::Credentials::load(authority_->issue("n" + std::to_string(node))).value();
  }

  const std::unique_ptr<net::Authority> authority_;
  net::Pool pool_{"work", 2};
  net::Loop loop_;
  net::Offload work_{loop_, pool_};
  net::KernelRandom random_;
  SilentTrace trace_;
  net::Ports ports_;
  net::SystemNames names_{work_};
  net::SocketStreams streams_{loop_, names_, ports_};
  Node nodes_[2] = {Node(1), Node(2)};
};

// --- sim -----------------------------------------------------------------------------------

class SimTwoNodes final : public TwoNodes {
 public:
  SimTwoNodes() {
    for (const char* name : {"n1", "n2"}) {
      hosts_.push_back(&universe_.add_host({.name = name}));
      hosts_.back()->start([](std::span<const World>) { return std::make_unique<sim::Guest>(); });
    }
  }

  void run(std::move_only_function<void()> body) override {
    bool ended = false;
    hosts_[0]->shard(0).spawn_root("test", [&ended, body = std::move(body)]() mutable {
      body();
      ended = true;
    });
    const sim::Nanos limit = universe_.loop.now() + 24ull * 3600 * sim::second;
    const bool in_time = universe_.run_until(limit, [&ended] { return ended; });
    EXPECT_TRUE(in_time) << universe_.waiting();
  }
  Fibers& fibers() override { return world(1).fibers; }
  Clock& clock() override { return world(1).clock; }
  Peers& peers(int node) override { return world(node).peers; }
  std::string address(int node) override { return hosts_[at(node)]->ip() + ":5122"; }
  void restart_node_2() override {
    bool up = false;
    universe_.loop.after(0, sim::Life(), sim::Kind::nemesis, 0, [&] {
      hosts_[1]->crash(sim::Death::process_crash);
      hosts_[1]->restart();
      up = true;
    });
    while (!up) {
      (void)fibers().sleep_until(fibers().now() + std::chrono::milliseconds(1));
    }
  }
  void reset_connections() override {
    universe_.network().reset_connections(*hosts_[0], *hosts_[1]);
  }

 private:
  static std::size_t at(int node) { return static_cast<std::size_t>(node - 1); }
  World world(int node) { return hosts_[at(node)]->shard(0).world(); }

  sim::Universe universe_{{.seed = 1}};
  std::vector<sim::Host*> hosts_;
};

inline const std::vector<TwoNodesMaker>& all_two_nodes() {
  static const std::vector<TwoNodesMaker> makers = {
      {.name = "net",
       .make = [] -> std::unique_ptr<TwoNodes> { return std::make_unique<NetTwoNodes>(); }},
      {.name = "net_tls",
       .make = [] -> std::unique_ptr<TwoNodes> {
         return std::make_unique<NetTwoNodes>(std::make_unique<net::Authority>("ours"));
       }},
      {.name = "sim",
       .make = [] -> std::unique_ptr<TwoNodes> { return std::make_unique<SimTwoNodes>(); }},
  };
  return makers;
}

}  // namespace perdure::io
