// tests/engine/log/log_nodes.h
//
// Several nodes with log servers in one loop, over a network of function calls: a frame or
// question to another node arrives in a later turn, unless the test holds or drops it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/log/log.h"
#include "engine/log/reader.h"
#include "host/manual_loop.h"
#include "tests/support/crash_disk.h"
#include "tests/support/silent_trace.h"

namespace perdure::log {

// Chains that tell who waits; one for all nodes.
class SharedChains final : public Chains {
 public:
  explicit SharedChains(io::Fibers& fibers) : changed_(fibers) {}
  Result<std::vector<VersionedChain>> read(const std::vector<PartitionId>& partitions) override {
    std::vector<VersionedChain> found;
    for (const PartitionId partition : partitions) found.push_back(chains[partition]);
    return found;
  }
  Result<std::vector<std::uint64_t>> swap(const std::vector<ChainChange>& changes) override {
    if (swapping) std::exchange(swapping, nullptr)();
    for (const ChainChange& change : changes) {
      if (chains[change.partition].version != change.expected_version) {
        return fail(Code::conflict, "another version");
      }
    }
    std::vector<std::uint64_t> versions;
    for (const ChainChange& change : changes) {
      VersionedChain& held = chains[change.partition];
      held = {.version = held.version + 1, .chain = change.chain};
      versions.push_back(held.version);
    }
    changed_.notify_all();
    if (swapped) swapped();
    return versions;
  }
  Result<VersionedChain> wait_newer(PartitionId partition, std::uint64_t seen,
                                    Instant deadline) override {
    while (chains[partition].version <= seen || deaf) TRY_VOID(changed_.wait(deadline));
    return chains[partition];
  }

  std::map<PartitionId, VersionedChain> chains;
  bool deaf = false;               // nobody is told of changes
  std::function<void()> swapped;   // after a change, before its maker knows
  std::function<void()> swapping;  // before the next is looked at, once; may park

 private:
  io::Event changed_;
};

class LogNodes {
 public:
  struct Node final : Servers {
    Node(LogNodes& all, std::uint64_t n)
        : nodes(all), id(n), disk(all.loop.fibers, n), serving(all.loop.fibers) {}

    Result<std::string> ask(NodeId to, PartitionId, std::string_view question,
                            Instant deadline) override {
      TRY_VOID(nodes.loop.fibers.sleep_until(nodes.loop.in(nodes.one_way)));
      if (!nodes.connected(id, to)) {
        TRY_VOID(nodes.loop.fibers.sleep_until(
            std::min(deadline, nodes.loop.in(std::chrono::seconds(1)))));
        return fail(Code::timed_out, "no answer");
      }
      auto answer = nodes.at(to).server->answer(question);
      if (!nodes.connected(to, id)) return fail(Code::timed_out, "no answer");
      return answer;
    }
    Result<void> tell(NodeId to, PartitionId, std::string frame) override {
      if (nodes.no_way.contains(to)) return fail(Code::retry_later, "the link pauses");
      if (nodes.drop && nodes.drop(id, to, frame)) return {};
      Node& target = nodes.at(to);
      target.serving.start("frame", [this, to, frame = std::move(frame)] {
        if (!nodes.loop.fibers.sleep_until(nodes.loop.in(nodes.one_way))) return;
        if (nodes.connected(id, to)) nodes.at(to).server->hear(id, frame);
      });
      return {};
    }
    std::vector<Candidate> members() const override { return nodes.members; }

    LogNodes& nodes;
    const NodeId id;
    tests::CrashDisk disk;
    std::unique_ptr<wal::Wal> wal;
    std::unique_ptr<LogletStore> store;
    std::unique_ptr<Server> server;
    std::unique_ptr<Cluster> cluster;
    io::Group serving;
  };

  explicit LogNodes(std::uint64_t count) : chains(loop.fibers) {
    for (std::uint64_t n = 1; n <= count; ++n) {
      members.push_back({.member = {NodeId(n), {}, {}}, .state = StorageState::read_write});
      nodes.push_back(std::make_unique<Node>(*this, n));
    }
  }
  ~LogNodes() {
    loop.scheduler.kill_all();
    logs.clear();
  }

  Node& at(NodeId id) { return *nodes.at(id.raw() - 1); }
  Node& at(std::uint64_t n) { return *nodes.at(n - 1); }
  bool connected(NodeId from, NodeId to) const { return !cut.contains({from, to}); }
  void isolate(std::uint64_t n, bool away = true) {
    for (const auto& other : nodes) {
      for (const auto& link : {std::pair(NodeId(n), other->id), std::pair(other->id, NodeId(n))}) {
        away ? void(cut.insert(link)) : void(cut.erase(link));
      }
    }
  }

  bool run(std::function<void()> body) { return loop.run(std::move(body)); }
  void start() {
    for (const auto& node : nodes) open_disk(*node, false);
  }
  void open_disk(Node& node, bool lost_data) {
    ASSERT_TRUE(run([&] {
      auto opened = wal::Wal::open(node.disk, loop.fibers, trace, wal_options);
      ASSERT_TRUE(opened) << opened.error().detail;
      node.wal = std::move(*opened);
    }));
    node.store = std::make_unique<LogletStore>(*node.wal, loop.fibers, trace, lost_data);
    node.server = std::make_unique<Server>(
        Server::Parts{.store_of = [&node](PartitionId) { return node.store.get(); },
                      .servers = node,
                      .fibers = loop.fibers,
                      .trace = trace});
    node.cluster = std::make_unique<Cluster>(Cluster{.servers = node, .server = *node.server});
  }
  void close_disk(Node& node) {
    ASSERT_TRUE(run([&] {
      node.serving.stop();
      node.server.reset();
      node.store.reset();
      node.wal->stop();
      node.wal.reset();
    }));
  }
  // Its disk is another from now on.
  void wipe(std::uint64_t n) {
    Node& node = at(n);
    close_disk(node);
    ASSERT_TRUE(run([&] { ASSERT_TRUE(node.disk.remove_folder("wal")); }));
    retired.push_back(std::move(nodes.at(n - 1)));
    nodes.at(n - 1) = std::make_unique<Node>(*this, n);
    members.at(n - 1).state = StorageState::data_loss;
    open_disk(at(n), true);
  }

  Result<std::unique_ptr<Log>> open(std::uint64_t n, Options options = {}) {
    options.node = NodeId(n);
    options.incarnation = Incarnation(1);
    options.replication = replication;
    const std::vector<Place> places = {{PartitionId(0), *at(n).store}};
    TRY(opened, open_logs(places, chains, loop.fibers, trace, options, at(n).cluster.get()));
    return std::move(opened.front());
  }
  // Opened and kept until the test ends.
  Log* must_open(std::uint64_t n, Options options = {}) {
    auto opened = open(n, std::move(options));
    EXPECT_TRUE(opened) << opened.error().detail;
    if (!opened) return nullptr;
    logs.push_back(std::move(*opened));
    return logs.back().get();
  }
  std::unique_ptr<Reader> reader(std::uint64_t n, Lsn from = Lsn(1), ReaderOptions options = {}) {
    auto made = std::make_unique<Reader>(Reader::Parts{.partition = PartitionId(0),
                                                       .self = NodeId(n),
                                                       .here = at(n).store.get(),
                                                       .servers = &at(n),
                                                       .chains = chains,
                                                       .fibers = loop.fibers,
                                                       .trace = trace},
                                         options, from);
    made->start();
    return made;
  }
  // "a b | gap 3 | c": what a reader is given up to and including that record.
  std::string read_up_to(Reader& reader, Lsn last) {
    std::string all;
    while (reader.cursor() <= last) {
      const auto batch = reader.next(loop.in(std::chrono::seconds(60)));
      if (!batch) return all + std::string(name_of(batch.error().code));
      if (const auto* gap = std::get_if<Reader::Gap>(&*batch)) {
        all += "| gap " + std::to_string(gap->to.raw()) + " | ";
        continue;
      }
      for (const auto& [lsn, bytes] : std::get<std::vector<Reader::Record>>(*batch)) {
        all += bytes + " ";
      }
    }
    return all;
  }
  std::string held(std::uint64_t n) const {  // offsets of the chain's last loglet
    std::string text;
    const Chain& chain = chains.chains.at(PartitionId(0)).chain;
    const auto& node = *nodes.at(n - 1);
    const IntervalSet offsets = node.wal->held(chain.loglets.back().id, Offset(1), Offset(1000));
    for (const auto& run : offsets.intervals()) {
      text +=
          (text.empty() ? "" : " ") + std::to_string(run.first) + ".." + std::to_string(run.last);
    }
    return text;
  }

  host::ManualLoop loop;
  tests::SilentTrace trace;
  wal::Options wal_options{.stream_id = 42,
                           .segment_bytes = 64 << 10,
                           .first_segment_bytes = 32 << 10,
                           .bytes_max = 4 << 20,
                           .batch_bytes_max = 8 << 10,
                           .memory_bytes = 32 << 10,
                           .read_window_bytes = 4 << 10,
                           .read_windows = 2};
  Replication replication{.copies = 2};
  Duration one_way = std::chrono::milliseconds(1);
  SharedChains chains;
  std::vector<Candidate> members;
  std::vector<std::unique_ptr<Node>> nodes, retired;
  std::set<std::pair<NodeId, NodeId>> cut;
  std::set<NodeId> no_way;  // links to them are down, and say so
  std::function<bool(NodeId from, NodeId to, std::string_view frame)> drop;
  std::vector<std::unique_ptr<Log>> logs;
};

}  // namespace perdure::log
