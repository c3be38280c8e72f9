#include "engine/control/raft_metadata.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/wal/wal_node.h"
#include "tests/support/counting_random.h"

namespace perdure::control {
namespace {

Proposal put(std::uint64_t id, const std::string& key, std::uint64_t expected, std::string value) {
  Proposal proposal{.id = {.high = 1, .low = id}};
  proposal.writes.push_back({.key = key, .expected = expected, .value = std::move(value)});
  return proposal;
}

// Nobody: a group of one asks nobody.
class Alone final : public Members {
 public:
  void send(NodeId, std::string) override { ADD_FAILURE() << "a group of one sends nothing"; }
  Result<std::string> ask(NodeId, std::string_view, Instant) override {
    ADD_FAILURE() << "a group of one asks nobody";
    return fail(Code::not_found, "nobody is there");
  }
};

// A process with a Wal and a metadata group of one in it, which can die and come back.
struct Store {
  explicit Store(std::uint64_t seed = 1) : node(seed) { restart(); }
  ~Store() {
    node.loop->scheduler.kill_all();
    metadata.reset();
  }

  void restart() {
    if (started) node.loop->scheduler.kill_all();
    metadata.reset();
    if (started) node.die();
    started = true;
    node.start();
    ASSERT_TRUE(node.run([&] {
      auto opened = RaftMetadata::open({.fibers = node.loop->fibers,
                                        .random = random,
                                        .trace = trace,
                                        .wal = *node.wal,
                                        .members = alone},
                                       options);
      ASSERT_TRUE(opened) << opened.error().detail;
      metadata = std::move(*opened);
    }));
    // Not before it has committed something does a leader know what it has.
    (void)get("any");
  }
  Code set(Proposal proposal) {
    Code code = Code::cancelled;
    EXPECT_TRUE(node.run([&] {
      const auto done =
          metadata->compare_and_set(std::move(proposal), node.loop->in(std::chrono::seconds(5)));
      written = done.has_value();
      if (!done) code = done.error().code;
    }));
    return code;
  }
  bool ok(Proposal proposal) { return (void)set(std::move(proposal)), written; }
  Versioned get(const std::string& key) {
    Versioned found;
    EXPECT_TRUE(node.run([&] {
      const auto got = metadata->get(key, node.loop->in(std::chrono::seconds(5)));
      EXPECT_TRUE(got) << got.error().detail;
      if (got) found = *got;
    }));
    return found;
  }
  std::uint64_t syncs() { return node.trace.counts["wal.syncs"]; }

  wal::WalNode node;
  tests::CountingRandom random;
  tests::SilentTrace trace;
  Alone alone;
  RaftMetadataOptions options{.self = NodeId(1),
                              .first_members = {.voters = {NodeId(1)}, .learners = {}},
                              .snapshot_after_bytes = 2048};
  std::unique_ptr<RaftMetadata> metadata;
  bool started = false, written = false;
};

TEST(raft_metadata, versions_grow_and_the_wrong_one_is_a_conflict) {
  Store store;
  EXPECT_EQ(store.get("a").version, 0u);
  EXPECT_TRUE(store.ok(put(1, "a", 0, "one")));
  EXPECT_EQ(store.set(put(2, "a", 0, "two")), Code::conflict);
  EXPECT_TRUE(store.ok(put(3, "a", 1, "two")));
  EXPECT_EQ(store.get("a"), (Versioned{.version = 2, .value = "two"}));
}

TEST(raft_metadata, several_keys_change_together_or_not_at_all) {
  Store store;
  EXPECT_TRUE(store.ok(put(1, "a", 0, "a")));
  Proposal both = put(2, "a", 1, "A");
  both.writes.push_back({.key = "b", .expected = 7, .value = "B"});
  EXPECT_EQ(store.set(both), Code::conflict);
  EXPECT_EQ(store.get("a").value, "a");
  both.writes[1].expected = 0;
  EXPECT_TRUE(store.ok(both));
  EXPECT_EQ(store.get("a").value, "A");
  EXPECT_EQ(store.get("b").value, "B");
}

// The reply was lost, so it is proposed again: it is our own write, not somebody else's.
TEST(raft_metadata, the_same_proposal_again_has_happened_also_after_a_restart) {
  Store store;
  EXPECT_TRUE(store.ok(put(1, "a", 0, "one")));
  EXPECT_TRUE(store.ok(put(1, "a", 0, "one")));
  EXPECT_EQ(store.get("a").version, 1u);
  store.restart();
  EXPECT_TRUE(store.ok(put(1, "a", 0, "one")));
  EXPECT_EQ(store.get("a").version, 1u);
}

TEST(raft_metadata, what_is_too_large_is_refused) {
  Store store;
  store.restart();
  EXPECT_EQ(store.set(put(1, "a", 0, std::string((8 << 20) + 1, 'x'))), Code::invalid);
  EXPECT_EQ(store.set(put(2, "", 0, "x")), Code::invalid);
  Proposal twice = put(3, "a", 0, "x");
  twice.writes.push_back(twice.writes[0]);
  EXPECT_EQ(store.set(twice), Code::invalid);
}

TEST(raft_metadata, a_snapshot_replaces_what_came_before_it) {
  Store store;
  for (std::uint64_t n = 0; n < 200; ++n) {
    ASSERT_TRUE(store.ok(
        put(n, "k" + std::to_string(n % 3), n / 3, std::string(100, 'x') + std::to_string(n))));
  }
  const auto loglet = store.node.wal->find(RaftLoglets().entries);
  ASSERT_TRUE(loglet);
  EXPECT_GT(loglet->trim_point.raw(), 100u);
  const MetadataState before = store.metadata->state();
  store.restart();
  EXPECT_EQ(store.metadata->state(), before);
}

TEST(raft_metadata, whoever_waits_is_woken_by_the_newer_version) {
  Store store;
  Versioned seen;
  ASSERT_TRUE(store.node.run([&] {
    io::Group group(store.node.loop->fibers);
    group.start("waiter", [&] {
      const auto newer = store.metadata->wait_newer("a", 0, io::never);
      if (newer) seen = *newer;
    });
    store.node.loop->fibers.yield();
    EXPECT_TRUE(store.metadata->compare_and_set(put(1, "a", 0, "x"), io::never));
    group.join();
  }));
  EXPECT_EQ(seen, (Versioned{.version = 1, .value = "x"}));
}

// A cluster of one is a cluster, and pays for no more than it needs.
TEST(raft_metadata, a_change_in_a_group_of_one_costs_one_sync) {
  Store store;
  const std::uint64_t before = store.syncs();
  for (std::uint64_t n = 0; n < 10; ++n) ASSERT_TRUE(store.ok(put(n, "a", n, "x")));
  EXPECT_EQ(store.syncs() - before, 10u);
  (void)store.get("a");
  EXPECT_EQ(store.syncs() - before, 10u);
}

// Whoever proposed may stop waiting; what is durable counts all the same, and the next
// proposal is decided against it.
TEST(raft_metadata, what_nobody_waits_for_any_more_still_happens) {
  Store store;
  ASSERT_TRUE(store.node.run([&] {
    const auto gone = store.metadata->compare_and_set(put(1, "a", 0, "x"), store.node.loop->in({}));
    EXPECT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Code::timed_out);
    const auto next = store.metadata->compare_and_set(put(2, "a", 0, "y"), io::never);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, Code::conflict);
  }));
  EXPECT_EQ(store.get("a").value, "x");
}

// Power is lost after any write: what was answered ok is there, in order, and nothing else
// but perhaps the one that was in flight.
RC_GTEST_PROP(raft_metadata, survives_a_crash_at_any_point, ()) {
  Store store(*rc::gen::arbitrary<std::uint64_t>());
  std::map<std::string, std::uint64_t> answered;
  std::uint64_t id = 0;
  const auto rounds = *rc::gen::inRange(1, 5);
  for (int round = 0; round < rounds; ++round) {
    const auto writes = *rc::gen::inRange(1, 40);
    for (int i = 0; i < writes; ++i) {
      const std::string key(1, static_cast<char>('a' + i % 4));
      const std::uint64_t expected = store.get(key).version;
      if (store.ok(put(++id, key, expected, std::string(static_cast<std::size_t>(i) * 10, 'v')))) {
        answered[key] = expected + 1;
      }
    }
    // One more that is cut off: begun, and the process dies before it is told.
    const std::uint64_t expected = store.get("a").version;
    store.node.loop->scheduler.spawn_root("cut off", [&] {
      (void)store.metadata->compare_and_set(put(++id, "a", expected, "cut off"), io::never);
    });
    store.node.loop->scheduler.run_ready();
    store.restart();
    for (const auto& [key, version] : answered) {
      const std::uint64_t found = store.get(key).version;
      RC_ASSERT(found == version || (key == "a" && found == version + 1));
      answered[key] = found;
    }
  }
}

}  // namespace
}  // namespace perdure::control
